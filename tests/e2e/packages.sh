# shellcheck shell=bash
# packages.sh: a VM in files, as VMware exports or keeps it. Sourced.

# ovf_text NAME VMDK=RAW...: an envelope as ovftool writes it, disks on pvscsi.
ovf_text() {
  local name=$1 kv n=0 refs='' disks='' items=''
  for kv in "${@:2}"; do
    refs+="<File ovf:id=\"f$n\" ovf:href=\"${kv%%=*}\"/>"
    disks+="<Disk ovf:diskId=\"d$n\" ovf:fileRef=\"f$n\" ovf:capacity=\"$(stat -c %s "${kv#*=}")\" ovf:format=\"http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized\"/>"
    items+="<Item><rasd:AddressOnParent>$n</rasd:AddressOnParent><rasd:ElementName>Hard disk $n</rasd:ElementName><rasd:HostResource>ovf:/disk/d$n</rasd:HostResource><rasd:InstanceID>1$n</rasd:InstanceID><rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>"
    n=$((n + 1))
  done
  cat <<O
<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf">
<References>$refs</References>
<DiskSection><Info>Disks</Info>$disks</DiskSection>
<NetworkSection><Info>Networks</Info><Network ovf:name="VM Network"><Description>The network</Description></Network></NetworkSection>
<VirtualSystem ovf:id="$name"><Info>A virtual machine</Info><Name>$name</Name>
<OperatingSystemSection ovf:id="96" vmw:osType="debian12_64Guest"><Info>Guest</Info></OperatingSystemSection>
<VirtualHardwareSection><Info>Hardware</Info>
<System><vssd:ElementName>Hardware</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID><vssd:VirtualSystemIdentifier>$name</vssd:VirtualSystemIdentifier><vssd:VirtualSystemType>vmx-19</vssd:VirtualSystemType></System>
<Item><rasd:ElementName>1 CPU</rasd:ElementName><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item>
<Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ElementName>256MB</rasd:ElementName><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>256</rasd:VirtualQuantity></Item>
<Item><rasd:Address>0</rasd:Address><rasd:ElementName>SCSI 0</rasd:ElementName><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>VirtualSCSI</rasd:ResourceSubType><rasd:ResourceType>6</rasd:ResourceType></Item>
$items
<Item><rasd:AddressOnParent>7</rasd:AddressOnParent><rasd:AutomaticAllocation>true</rasd:AutomaticAllocation><rasd:Connection>VM Network</rasd:Connection><rasd:ElementName>NIC</rasd:ElementName><rasd:InstanceID>20</rasd:InstanceID><rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType><rasd:ResourceType>10</rasd:ResourceType></Item>
</VirtualHardwareSection></VirtualSystem></Envelope>
O
}

# make_ovf DIR NAME RAW...: NAME.ovf with its manifest and disks in DIR.
make_ovf() {
  local dir=$1 name=$2 raw n=0 disks=() file
  mkdir -p "$dir"
  for raw in "${@:3}"; do
    n=$((n + 1)) file=$name-disk$n.vmdk
    qemu-img convert -f raw -O vmdk -o subformat=streamOptimized "$raw" "$dir/$file"
    disks+=("$file=$raw")
  done
  ovf_text "$name" "${disks[@]}" >"$dir/$name.ovf"
  for file in "$name.ovf" "${disks[@]%%=*}"; do
    echo "SHA256($file)= $(sha256sum <"$dir/$file" | cut -d' ' -f1)"
  done >"$dir/$name.mf"
}

# make_ova DIR NAME RAW...: DIR/NAME.ova, envelope first.
make_ova() {
  local dir=$1 name=$2
  make_ovf "$dir/.$name" "${@:2}"
  tar -C "$dir/.$name" --format=ustar -cf "$dir/$name.ova" "$name.ovf" \
    "$name.mf" $(cd "$dir/.$name" && ls -- *.vmdk)
  rm -r "${dir:?}/.$name"
}

# make_vmx DIR NAME KIND RAW...: a VM's folder; KIND is a subformat of qemu-img,
# or vmfs: a flat file with ESXi's descriptor.
make_vmx() {
  local dir=$1 name=$2 kind=$3 raw n=0 file
  mkdir -p "$dir"
  cat >"$dir/$name.vmx" <<V
.encoding = "UTF-8"
config.version = "8"
virtualHW.version = "19"
displayName = "$name"
guestOS = "debian12-64"
numvcpus = "1"
memSize = "256"
scsi0.present = "TRUE"
scsi0.virtualDev = "pvscsi"
ethernet0.present = "TRUE"
ethernet0.virtualDev = "vmxnet3"
ethernet0.networkName = "VM Network"
ethernet0.addressType = "static"
ethernet0.address = "00:50:56:01:02:07"
V
  for raw in "${@:4}"; do
    file=$name-$n.vmdk
    cat >>"$dir/$name.vmx" <<V
scsi0:$n.present = "TRUE"
scsi0:$n.deviceType = "scsi-hardDisk"
scsi0:$n.fileName = "$file"
V
    n=$((n + 1))
    if [ "$kind" != vmfs ]; then
      qemu-img convert -f raw -O vmdk -o subformat="$kind" "$raw" "$dir/$file"
      continue
    fi
    cp --sparse=always "$raw" "$dir/${file%.vmdk}-flat.vmdk"
    cat >"$dir/$file" <<D
# Disk DescriptorFile
version=1
encoding="UTF-8"
CID=1234abcd
parentCID=ffffffff
createType="vmfs"

# Extent description
RW $(($(stat -c %s "$raw") / 512)) VMFS "${file%.vmdk}-flat.vmdk"

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.thinProvisioned = "1"
ddb.virtualHWVersion = "19"
D
  done
}
