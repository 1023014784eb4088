#!/busybox sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Pid 1 of the machine that a sandbox with a screen is compared with: the same
# modules, files, server and program, with nothing around them. It names each
# step once it is over, on the port "floor"; the last one is "shown".
b=/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
while read -r module; do $b insmod "$module"; done </modules
for one in /sys/class/virtio-ports/*; do
    read -r name <"$one/name"
    [ "$name" != floor ] || exec 4>"/dev/${one##*/}"
done
echo boot >&4

$b mkdir /r
$b mount -t tmpfs root /r
while read -r tag path; do
    $b mkdir -p "/r$path"
    $b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro "$tag" "/r$path"
done </exports
for link in bin sbin lib lib64; do [ -e "/r/$link" ] || $b ln -s "usr/$link" "/r/$link"; done
for folder in dev proc sys tmp run root; do $b mkdir "/r/$folder"; done
for folder in dev proc sys; do $b mount -o move "/$folder" "/r/$folder"; done
$b mkdir -p /r/dev/pts
$b mount -t devpts pts /r/dev/pts
$b mount -t tmpfs tmp /r/tmp
$b mkdir /r/tmp/.X11-unix
echo files >&4

device() {
    for one in /r/sys/class/input/event*; do
        read -r name <"$one/device/name"
        case $name in *"$1") echo "/dev/input/${one##*/}" ;; esac
    done
}
cat_config() {
    echo 'Section "ServerFlags"
    Option "AutoAddDevices" "false"
    Option "AutoEnableDevices" "false"
    Option "AutoAddGPU" "false"
    Option "DontVTSwitch" "true"
EndSection
Section "Device"
    Identifier "card"
    Driver "modesetting"
    Option "kmsdev" "/dev/dri/card0"
    Option "AccelMethod" "none"
EndSection
Section "Screen"
    Identifier "screen"
    Device "card"
    DefaultDepth 24
EndSection
Section "ServerLayout"
    Identifier "layout"
    Screen "screen"
    InputDevice "Keyboard" "CoreKeyboard"
    InputDevice "Tablet" "CorePointer"
EndSection'
    for input in Keyboard Tablet; do
        echo "Section \"InputDevice\"
    Identifier \"$input\"
    Driver \"evdev\"
    Option \"Device\" \"$(device $input)\"
    Option \"GrabDevice\" \"true\"
EndSection"
    done
}
cat_config >/r/tmp/xorg.conf
read -r server options </server
export PATH=/usr/bin:/bin HOME=/root LANG=C.UTF-8 DISPLAY=:0
$b mkfifo /r/tmp/up /r/tmp/shown
# shellcheck disable=SC2086 # options are words
$b chroot /r "$server" :0 -config /tmp/xorg.conf -configdir /tmp/none -logfile /tmp/log -displayfd 3 \
    -noreset -nolisten tcp -nolisten local -seat glass -novtswitch -ac $options 3>/r/tmp/up 2>/dev/null &
read -r _ </r/tmp/up
echo display >&4
$b chroot /r xterm -wf -e sh -c 'echo >/tmp/shown' &
read -r _ </r/tmp/shown
echo shown >&4
exec 4>&-
$b reboot -f
