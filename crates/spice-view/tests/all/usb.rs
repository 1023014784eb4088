// SPDX-License-Identifier: LGPL-2.1-or-later
//! A USB device that there is not, which umockdev shows to libusb, and QEMU
//! with a place for it.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use spice_view::{Connector, Event, Options, UsbDevice};

use crate::qemu::Machine;
use crate::stage::{pass, wait, Stage};

/// What umockdev shows: a hub, and a stick with two endpoints for bulk data.
const DEVICES: &str = r"P: /devices/pci0000:00/0000:00:1d.0/usb1
N: bus/usb/001/001=12010002090000406B1D020006020302010109021900010100E0000904000001090000000705810304000C
E: DEVTYPE=usb_device
E: DRIVER=usb
E: SUBSYSTEM=usb
E: BUSNUM=001
E: DEVNUM=001
E: DEVNAME=/dev/bus/usb/001/001
E: MAJOR=189
E: MINOR=0
A: busnum=1\n
A: devnum=1\n
A: bConfigurationValue=1\n
A: speed=480
A: idVendor=1d6b\n
A: idProduct=0002\n
H: descriptors=12010002090000406B1D020006020302010109021900010100E0000904000001090000000705810304000C

P: /devices/pci0000:00/0000:00:1d.0/usb1/1-2
N: bus/usb/001/002=120100020000004050F401000001010200010902200001010080320904000002080650000705810200020007050202000200
E: DEVTYPE=usb_device
E: DRIVER=usb
E: SUBSYSTEM=usb
E: BUSNUM=001
E: DEVNUM=002
E: DEVNAME=/dev/bus/usb/001/002
E: MAJOR=189
E: MINOR=1
A: busnum=1\n
A: devnum=2\n
A: bConfigurationValue=1\n
A: speed=480
A: idVendor=f450\n
A: idProduct=0001\n
A: manufacturer=Test\n
A: product=Stick\n
H: descriptors=120100020000004050F401000001010200010902200001010080320904000002080650000705810200020007050202000200
";
const NAME: &str = "USB Device [f450:0001] at 1-2";
/// QEMU's side: a bus, and what takes a device of the viewer's.
const PLACE: &[&str] = &[
    "-vga",
    "qxl",
    "-device",
    "qemu-xhci,id=bus",
    "-chardev",
    "spicevmc,name=usbredir,id=viewer",
    "-device",
    "usb-redir,id=place,chardev=viewer,bus=bus.0",
];

/// Only a whole program can be shown such devices: this one, once more.
#[test]
fn a_device_is_named_and_goes_only_by_hand() {
    let mut devices = tempfile::NamedTempFile::new().unwrap();
    devices.write_all(DEVICES.as_bytes()).unwrap();
    let mut umockdev = Command::new("umockdev-run");
    umockdev.arg("--device").arg(devices.path()).arg("--").arg(std::env::current_exe().unwrap());
    let output = umockdev.args(["--exact", "usb::by_hand", "--ignored"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{errors}");
}

/// What was told of devices.
#[derive(Default)]
struct Told {
    devices: RefCell<Vec<UsbDevice>>,
    dropped: RefCell<Vec<String>>,
}

impl Told {
    fn hear(&self, event: &Event) {
        match event {
            Event::Usb(all) => drop(self.devices.replace(all.clone())),
            Event::Dropped(what) => self.dropped.borrow_mut().push(what.clone()),
            _ => {}
        }
    }

    fn stick(&self) -> Option<UsbDevice> {
        self.devices.borrow().iter().find(|one| one.name == NAME).cloned()
    }
}

#[gtk::test]
#[ignore = "in umockdev alone"]
fn by_hand() {
    let machine = Machine::with(PLACE);
    // Without the option there is nothing to choose from, let alone to take.
    for allowed in [false, true] {
        let stage = Stage::new(640, 480);
        let options = Options { usb: allowed, ..Options::default() };
        let link = spice_view::open(Connector::from_uri(&machine.uri()).unwrap(), options);
        let told = Rc::new(Told::default());
        let hears = Rc::clone(&told);
        let _listener = link.listen(move |event| hears.hear(event));
        stage.connect(&link, 20);
        if !allowed {
            link.send(spice_view::Command::Usb(NAME.into(), true));
            pass(500);
            assert!(told.devices.borrow().is_empty() && !taken(&machine));
            continue;
        }
        // The guest has room for one once its channel is there, which comes late.
        wait(20, "the stick can be handed in", || told.stick().is_some_and(|one| one.possible));
        pass(500);
        assert!(!told.stick().unwrap().connected && !taken(&machine), "none goes by itself");
        link.send(spice_view::Command::Usb(NAME.into(), true));
        // umockdev's has no driver that could let go of it.
        wait(20, "that it failed is told", || told.dropped.borrow().iter().any(|what| what.contains(NAME)));
        wait(20, "it stays here", || told.stick().is_some_and(|one| !one.connected && one.possible));
        assert!(!taken(&machine) && stage.view.state().is_connected());
    }
}

/// Whether QEMU has attached the viewer's device to the guest's bus.
fn taken(machine: &Machine) -> bool {
    const QUESTION: &[u8] = b"qom-get /machine/peripheral/place attached\n";
    let mut monitor = UnixStream::connect(machine.monitor()).unwrap();
    monitor.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    monitor.write_all(QUESTION).unwrap();
    let (mut said, mut part) = (String::new(), [0; 4096]);
    loop {
        let answer = ["true", "false"].iter().find(|answer| said.contains(&format!("\n{answer}")));
        if let Some(answer) = answer {
            return *answer == "true";
        }
        let count = monitor.read(&mut part).unwrap();
        assert!(count > 0, "{said}");
        said.push_str(&String::from_utf8_lossy(&part[..count]));
    }
}
