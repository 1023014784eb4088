// SPDX-License-Identifier: LGPL-2.1-or-later
//! A SPICE server of few words: it can greet as a real one does, and then
//! says what a test has it say.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use spice_view::{Connector, Link, Options};

pub const MAIN: u8 = 1;
pub const DISPLAY: u8 = 2;
pub const INPUTS: u8 = 3;
pub const CURSOR: u8 = 4;

/// A public key of 1024 bits, as each greeting must have one.
const KEY: &str =
    "30819f300d06092a864886f70d010101050003818d0030818902818100c71434d167f0b8d30f6f8d113fcf06dc40ae\
    025e07202ece316ecc5885ac56e4060d1f524c6433464bb8df4afcd51f70708b2efb0c53b45597d0198ef8d791e041cb90756ac8\
    c72a53b08baafb39fd5b42d11d994612bcd48c1510f3d292c38b01978f95c61145b80f82ce1265b37640feade4e04271061a7bcba\
    20a898297c90203010001";

/// What the server does on a channel once it is open.
pub type Script = Arc<dyn Fn(&mut Channel) -> io::Result<()> + Send + Sync>;

/// The connections of a server.
type Streams = Arc<Mutex<Vec<Weak<UnixStream>>>>;

/// A message that the client sent: its channel, type and content.
pub type Heard = (u8, u16, Vec<u8>);

/// One channel, greeted and open.
pub struct Channel {
    stream: Arc<UnixStream>,
    pub kind: u8,
    pub number: u8,
    heard: mpsc::Sender<Heard>,
    /// The connections of the server, and whether it greets nobody any more.
    streams: Streams,
    silent: Arc<AtomicBool>,
}

impl Channel {
    pub fn send(&mut self, kind: u16, content: &[u8]) -> io::Result<()> {
        let mut message = kind.to_le_bytes().to_vec();
        message.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        message.extend(content);
        (&*self.stream).write_all(&message)
    }

    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self.stream).write_all(bytes)
    }

    /// Closes every connection of the session; the server then greets others
    /// or keeps silent.
    pub fn close(&mut self, goes_on: bool) -> io::Result<()> {
        self.silent.store(!goes_on, Ordering::SeqCst);
        for stream in self.streams.lock().unwrap().drain(..).filter_map(|stream| stream.upgrade()) {
            stream.shutdown(std::net::Shutdown::Both)?;
        }
        Err(io::ErrorKind::BrokenPipe.into())
    }

    /// How long [`Channel::hear_if_any`] waits.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(patience))
    }

    /// The next message, if one begins within the patience.
    pub fn hear_if_any(&mut self) -> io::Result<()> {
        // A byte at a time until the header is there: what was begun is not lost.
        let mut header = Vec::with_capacity(6);
        while header.len() < 6 {
            let mut byte = [0];
            match (&*self.stream).read(&mut byte) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => header.push(byte[0]),
                Err(error) if would_block(&error) && header.is_empty() => return Ok(()),
                Err(error) if would_block(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let mut content = vec![0; u32::from_le_bytes([header[2], header[3], header[4], header[5]]) as usize];
        let mut got = 0;
        while got < content.len() {
            match (&*self.stream).read(&mut content[got..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => got += count,
                Err(error) if would_block(&error) => {}
                Err(error) => return Err(error),
            }
        }
        self.heard.send((self.kind, u16::from_le_bytes([header[0], header[1]]), content)).ok();
        Ok(())
    }

    /// The next message, which the test hears of too.
    pub fn hear(&mut self) -> io::Result<(u16, Vec<u8>)> {
        let mut header = [0; 6];
        (&*self.stream).read_exact(&mut header)?;
        let kind = u16::from_le_bytes([header[0], header[1]]);
        let size = u32::from_le_bytes([header[2], header[3], header[4], header[5]]);
        let mut content = vec![0; size as usize];
        (&*self.stream).read_exact(&mut content)?;
        self.heard.send((self.kind, kind, content.clone())).ok();
        Ok((kind, content))
    }
}

/// What the server does with a new connection.
#[derive(Clone)]
pub enum Manner {
    Closes,
    Stalls,
    /// Sends these bytes, whatever it is told, and then keeps silent.
    Says(Vec<u8>),
    /// Sends these bytes again and again.
    Floods(Vec<u8>),
    /// Greets, then runs the script and hears what is said.
    Speaks(Script),
}

pub struct Server {
    folder: tempfile::TempDir,
    gone: Arc<AtomicBool>,
    heard: mpsc::Receiver<Heard>,
}

impl Server {
    pub fn start(manner: Manner) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("spice")).unwrap();
        let (sender, heard) = mpsc::channel();
        let gone: Arc<AtomicBool> = Arc::default();
        let ends = Arc::clone(&gone);
        let streams: Streams = Arc::default();
        let silent: Arc<AtomicBool> = Arc::default();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let (manner, sender) = (manner.clone(), sender.clone());
                let (streams, silent) = (Arc::clone(&streams), Arc::clone(&silent));
                thread::spawn(move || serve(stream, &manner, sender, streams, silent));
            }
        });
        Server { folder, gone, heard }
    }

    pub fn connector(&self) -> Connector {
        Connector::unix(self.path())
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("spice")
    }

    pub fn link(&self) -> Link {
        spice_view::open(self.connector(), Options { patience: Duration::from_secs(3), ..Options::default() })
    }

    /// What was heard since the last call.
    pub fn taken(&self) -> Vec<Heard> {
        self.heard.try_iter().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::SeqCst);
        // Wakes the thread that listens.
        UnixStream::connect(self.path()).ok();
    }
}

fn serve(
    mut stream: UnixStream,
    manner: &Manner,
    heard: mpsc::Sender<Heard>,
    streams: Streams,
    silent: Arc<AtomicBool>,
) -> io::Result<()> {
    match manner {
        _ if silent.load(Ordering::SeqCst) => drain(&mut stream),
        Manner::Closes => Ok(()),
        Manner::Stalls => drain(&mut stream),
        Manner::Says(bytes) => {
            stream.write_all(bytes)?;
            drain(&mut stream)
        }
        Manner::Floods(bytes) => loop {
            stream.write_all(bytes)?;
        },
        Manner::Speaks(script) => {
            let (kind, number) = greet(&mut stream)?;
            // That the channel is there is heard as an empty message.
            heard.send((kind, 0, Vec::new())).ok();
            let stream = Arc::new(stream);
            streams.lock().unwrap().push(Arc::downgrade(&stream));
            let mut channel = Channel { stream, kind, number, heard, streams, silent };
            script(&mut channel)?;
            while channel.hear().is_ok() {}
            Ok(())
        }
    }
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn drain(stream: &mut UnixStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

pub fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn key() -> Vec<u8> {
    let digits: Vec<u8> = KEY.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks_exact(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// The greeting, without a password; gives the channel's type and number.
fn greet(stream: &mut UnixStream) -> io::Result<(u8, u8)> {
    let mut header = [0; 16];
    stream.read_exact(&mut header)?;
    let mut link = vec![0; u32::from_le_bytes([header[12], header[13], header[14], header[15]]) as usize];
    stream.read_exact(&mut link)?;
    // Abilities: choosing how to prove oneself, by a password, short headers;
    // a display also tells monitors, the main channel tells of the agent.
    let abilities: u32 = match link[4] {
        MAIN => 1 << 2,
        DISPLAY => 1 << 1,
        _ => 0,
    };
    let mut reply = words(&[0]);
    reply.extend(key());
    reply.extend(words(&[1, 1, 178, 0b1011, abilities]));
    let mut message = b"REDQ".to_vec();
    message.extend(words(&[2, 2, u32::try_from(reply.len()).unwrap()]));
    message.extend(reply);
    stream.write_all(&message)?;
    // How it proves itself, and the password.
    stream.read_exact(&mut [0; 4 + 128])?;
    stream.write_all(&words(&[0]))?;
    Ok((link[4], link[5]))
}

/// The main channel's first words: which channels there are.
pub fn begin(channel: &mut Channel, agent: bool, channels: &[(u8, u8)]) -> io::Result<()> {
    let tokens = 10_000;
    channel.send(103, &words(&[7, 1, 3, 2, u32::from(agent), tokens, 0, 0]))?;
    while channel.hear()?.0 != 104 {}
    let mut list = words(&[u32::try_from(channels.len()).unwrap()]);
    list.extend(channels.iter().flat_map(|(kind, number)| [*kind, *number]));
    channel.send(104, &list)
}

/// A new picture of 0xXXRRGGBB pixels.
pub fn picture(channel: &mut Channel, width: u32, height: u32) -> io::Result<()> {
    channel.send(314, &words(&[0, width, height, 32, 1]))?;
    channel.send(102, &[])
}

/// Makes a rectangle of the picture white.
pub fn whiten(channel: &mut Channel, x: u32, y: u32, width: u32, height: u32) -> io::Result<()> {
    let mut content = words(&[0, y, x, y + height, x + width]);
    content.push(0);
    content.push(0);
    content.extend(words(&[0, 0, 0]));
    channel.send(307, &content)
}

/// The monitors: number, surface, width, height, left, top, flags of each.
pub fn heads(channel: &mut Channel, heads: &[[u32; 7]]) -> io::Result<()> {
    let mut content = u16::try_from(heads.len()).unwrap().to_le_bytes().to_vec();
    content.extend([16, 0]);
    heads.iter().for_each(|head| content.extend(words(head)));
    channel.send(317, &content)
}

/// A server whose display channel runs a script and whose others do what is proper.
pub fn shows(script: impl Fn(&mut Channel) -> io::Result<()> + Send + Sync + 'static) -> Manner {
    Manner::Speaks(Arc::new(move |channel| match channel.kind {
        MAIN => begin(channel, false, &[(DISPLAY, 0), (INPUTS, 0), (CURSOR, 0)]),
        DISPLAY => {
            channel.hear()?;
            script(channel)
        }
        INPUTS => channel.send(101, &[0, 0]),
        _ => Ok(()),
    }))
}
