/*
 * head.S: entry of a bzImage that boots fast under TCG.
 *
 * Debian's kernel unpacks itself with xz, which takes an emulated processor
 * about five seconds. Here the same vmlinux is packed with LZ4 behind this
 * small loader; what runs afterwards is Debian's kernel, bit for bit, at the
 * address it was linked for (so without KASLR).
 *
 * Entered as Documentation/x86/boot.rst says of the 32-bit protocol: flat
 * segments, no paging, %esi = boot_params. Left as the kernel's startup_64
 * wants it: long mode, memory mapped to itself, %rsi = boot_params.
 */
	.section .head, "ax"
	.code32
	.globl start
start:
	cli
	cld
	movl	$stack_end, %esp

	/* 4 GiB mapped to themselves, in pages of 2 MiB */
	movl	$tables, %edi
	xorl	%eax, %eax
	movl	$(6 * 4096 / 4), %ecx
	rep stosl
	movl	$tables + 4096 + 3, tables
	movl	$tables + 2 * 4096 + 3, %eax
	movl	$tables + 4096, %edi
	movl	$4, %ecx
1:	movl	%eax, (%edi)
	addl	$4096, %eax
	addl	$8, %edi
	loop	1b
	movl	$0x83, %eax
	movl	$tables + 2 * 4096, %edi
	movl	$2048, %ecx
2:	movl	%eax, (%edi)
	addl	$0x200000, %eax
	addl	$8, %edi
	loop	2b

	movl	%cr4, %eax
	orl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	movl	$tables, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx	/* EFER */
	rdmsr
	orl	$0x100, %eax		/* LME */
	wrmsr
	lgdt	gdt_pointer
	movl	%cr0, %eax
	orl	$0x80000001, %eax	/* PG, PE */
	movl	%eax, %cr0
	ljmp	$0x10, $long_mode

	.code64
long_mode:
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%esi, %ebx		/* kept by the call */
	movl	$payload + 4, %edi	/* behind the magic number */
	movl	$payload_end, %esi
	movl	$KERNEL, %edx
	call	unlz4
	movl	%ebx, %esi
	movl	$KERNEL, %eax
	jmp	*%rax

	.balign	8
gdt:	.quad	0
	.quad	0
	.quad	0x00af9a000000ffff	/* 0x10: code, 64 bit */
	.quad	0x00cf92000000ffff	/* 0x18: data */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.section .payload, "a"
	.globl payload
payload:
	.incbin	"payload.lz4"
payload_end:

	.section .bss
	.balign	4096
tables:	.skip	6 * 4096
	.skip	4096
stack_end:
	.section .note.GNU-stack, "", @progbits
