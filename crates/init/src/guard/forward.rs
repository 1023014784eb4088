// SPDX-License-Identifier: LGPL-2.1-or-later
//! Ports of this computer's loopback that lead into sandboxes. The guard
//! carries the bytes; it looks at none of them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;
use terrarium_protocol::guard::Port;

/// Connections at a time, of all sandboxes.
const MOST: usize = 64;
/// How long a sandbox may take to answer.
const CONNECT: Duration = Duration::from_secs(5);
/// How often a listener looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(200);

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One that is listened at.
struct Listening {
    outer: u16,
    to: SocketAddrV4,
    stop: Arc<AtomicBool>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// All of them.
#[derive(Default)]
pub struct Forwards(Vec<Listening>);

impl Forwards {
    /// From now on exactly those of `ports`.
    pub fn set(&mut self, ports: &[&Port]) -> Result<(), String> {
        let wanted: Vec<(u16, SocketAddrV4)> = ports
            .iter()
            .flat_map(|port| {
                port.forwards.iter().map(|one| (one.outer, SocketAddrV4::new(port.address, one.inner)))
            })
            .collect();
        self.0.retain(|one| wanted.contains(&(one.outer, one.to)));
        for (outer, to) in wanted {
            if !self.0.iter().any(|one| (one.outer, one.to) == (outer, to)) {
                // Taken by another sandbox, it cannot be bound again.
                self.0.push(listen(outer, to)?);
            }
        }
        Ok(())
    }
}

fn listen(outer: u16, to: SocketAddrV4) -> Result<Listening, String> {
    let failed = |error: std::io::Error| format!("127.0.0.1:{outer}: {error}");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, outer)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let serve = move || {
        while !stopped.load(Ordering::SeqCst) {
            match listener.accept() {
                Ok((client, _)) if OPEN.load(Ordering::SeqCst) < MOST => carry(client, to),
                Ok(_) => {}
                Err(_) => std::thread::sleep(LOOK),
            }
        }
    };
    std::thread::Builder::new().spawn(serve).map_err(failed)?;
    Ok(Listening { outer, to, stop })
}

/// Both ways, until both have ended.
fn carry(client: TcpStream, to: SocketAddrV4) {
    OPEN.fetch_add(1, Ordering::SeqCst);
    let serve = move || {
        let _ = connect(&client, to);
        OPEN.fetch_sub(1, Ordering::SeqCst);
    };
    if std::thread::Builder::new().spawn(serve).is_err() {
        OPEN.fetch_sub(1, Ordering::SeqCst);
    }
}

fn connect(client: &TcpStream, to: SocketAddrV4) -> std::io::Result<()> {
    client.set_nonblocking(false)?;
    let inside = TcpStream::connect_timeout(&SocketAddr::V4(to), CONNECT)?;
    std::thread::scope(|scope| {
        scope.spawn(|| copy(client, &inside));
        copy(&inside, client);
    });
    Ok(())
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count) = from.read(&mut bytes) {
        if count == 0 || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
