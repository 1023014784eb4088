# SPDX-License-Identifier: LGPL-2.1-or-later
# What a container with a screen is compared with: the same server and program
# in namespaces of their own, with nothing around them. $1 is the server.
ip link set lo up
mount -t tmpfs tmp /tmp
mkdir /tmp/.X11-unix
cat >/tmp/xorg.conf <<'X'
Section "ServerFlags"
    Option "AutoAddDevices" "false"
    Option "AutoEnableDevices" "false"
    Option "AutoAddGPU" "false"
    Option "DontVTSwitch" "true"
EndSection
Section "Device"
    Identifier "card"
    Driver "spiceqxl"
    Option "SpiceAddr" "127.0.0.1"
    Option "SpicePort" "5900"
    Option "SpiceDisableTicketing" "true"
    Option "NumHeads" "1"
    Option "FrameBufferSize" "32"
    Option "CommandBufferSize" "128"
    Option "SurfaceBufferSize" "128"
EndSection
Section "Screen"
    Identifier "screen"
    Device "card"
    DefaultDepth 24
EndSection
Section "ServerLayout"
    Identifier "layout"
    Screen "screen"
    InputDevice "keyboard" "CoreKeyboard"
    InputDevice "pointer" "CorePointer"
EndSection
Section "InputDevice"
    Identifier "keyboard"
    Driver "xspice keyboard"
EndSection
Section "InputDevice"
    Identifier "pointer"
    Driver "xspice pointer"
EndSection
X
mkfifo /tmp/up /tmp/shown
"$1" :0 -config /tmp/xorg.conf -configdir /tmp/none -logfile /tmp/log -displayfd 3 \
    -noreset -nolisten tcp -nolisten local -seat glass -novtswitch -ac 3>/tmp/up 2>/dev/null >&2 &
read -r _ </tmp/up
DISPLAY=:0 xterm -wf -e sh -c 'echo >/tmp/shown' &
read -r _ </tmp/shown
echo shown
