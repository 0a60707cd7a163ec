//! The little of the X protocol that it takes to sit in front of a window: find it, read its title, look at its
//! pixels, give it the keyboard, press keys (XTEST).
//!
//! Spoken over the socket itself: the crates that speak it are below Bevy, and asking them for more would build
//! Bevy twice. Little-endian, one request at a time, no events, no access control (a server of the test's own).

use crate::shot::Shot;
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

/// Requests by their codes.
mod code {
    pub(super) const GET_WINDOW_ATTRIBUTES: u8 = 3;
    pub(super) const GET_GEOMETRY: u8 = 14;
    pub(super) const QUERY_TREE: u8 = 15;
    pub(super) const INTERN_ATOM: u8 = 16;
    pub(super) const GET_PROPERTY: u8 = 20;
    pub(super) const SET_INPUT_FOCUS: u8 = 42;
    pub(super) const GET_INPUT_FOCUS: u8 = 43;
    pub(super) const GET_IMAGE: u8 = 73;
    pub(super) const QUERY_EXTENSION: u8 = 98;
    pub(super) const GET_KEYBOARD_MAPPING: u8 = 101;
    /// Of the XTEST extension.
    pub(super) const FAKE_INPUT: u8 = 2;
}

/// A server that takes longer has died.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
const KEY_PRESS: u8 = 2;
const KEY_RELEASE: u8 = 3;
const VIEWABLE: u8 = 2;
const ALL_PLANES: u32 = u32::MAX;
/// Pixels as they lie in memory, the channels of each one together.
const Z_PIXMAP: u8 = 2;
/// Longest property read, in units of 4 bytes.
const PROPERTY_UNITS: u32 = 256;

/// A key by the name that the X server knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u32);

impl Key {
    pub(crate) const SPACE: Self = Self(0x20);
    pub(crate) const UP: Self = Self(0xff52);
    const SHIFT: Self = Self(0xffe1);

    /// The key of a Latin letter; a capital one is pressed with Shift.
    pub(crate) const fn letter(letter: char) -> Self {
        Self(letter as u32)
    }
}

/// A window by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowId(u32);

/// A connection to an X server.
#[derive(Debug)]
pub(crate) struct Screen {
    stream: UnixStream,
    root: WindowId,
    first_keycode: u8,
    /// What each key means, alone and with Shift, from the first code on.
    keys: Vec<[u32; 2]>,
    xtest: u8,
}

impl Screen {
    /// Connects to the display with this number.
    pub(crate) fn connect(number: u32) -> Self {
        let mut stream = UnixStream::connect(format!("/tmp/.X11-unix/X{number}")).unwrap();
        stream.set_read_timeout(Some(ANSWERS_WITHIN)).unwrap();
        // Little-endian, protocol 11.0, no authorisation.
        stream.write_all(&[b'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let head = read(&mut stream, 8);
        let setup = read(&mut stream, usize::from(short(&head, 6)) * 4);
        assert_eq!(head[0], 1, "the X server refused: {}", String::from_utf8_lossy(&setup));
        let vendor_bytes = usize::from(short(&setup, 16)).next_multiple_of(4);
        let formats_bytes = usize::from(setup[21]) * 8;
        let (first_keycode, last_keycode) = (setup[26], setup[27]);
        let root = WindowId(long(&setup, 32 + vendor_bytes + formats_bytes));
        let mut screen = Self { stream, root, first_keycode, keys: Vec::new(), xtest: 0 };
        screen.read_keys(last_keycode);
        screen.xtest = screen.extension("XTEST");
        screen
    }

    fn read_keys(&mut self, last: u8) {
        let count = last - self.first_keycode + 1;
        let first = self.first_keycode;
        let reply = self.ask(code::GET_KEYBOARD_MAPPING, 0, &[first, count, 0, 0]);
        let each = usize::from(reply[1]);
        let symbols: Vec<_> = reply[32..].chunks_exact(4).map(|symbol| long(symbol, 0)).collect();
        self.keys = symbols.chunks(each).map(|key| [key[0], *key.get(1).unwrap_or(&0)]).collect();
    }

    fn extension(&mut self, name: &str) -> u8 {
        let reply = self.ask_by_name(code::QUERY_EXTENSION, 0, name);
        assert_eq!(reply[8], 1, "the X server has no {name}");
        reply[9]
    }

    /// Returns the window of this process that can be seen; `None` before there is one.
    pub(crate) fn window_of(&mut self, process: u32) -> Option<WindowId> {
        let tree = self.ask(code::QUERY_TREE, 0, &self.root.0.to_le_bytes());
        let children = usize::from(short(&tree, 16));
        let windows: Vec<_> = (0..children).map(|index| WindowId(long(&tree, 32 + index * 4))).collect();
        windows.into_iter().find(|window| {
            let id = self.property(*window, "_NET_WM_PID");
            let belongs = id.is_some_and(|id| id.len() == 4 && long(&id, 0) == process);
            belongs && self.is_viewable(*window)
        })
    }

    fn is_viewable(&mut self, window: WindowId) -> bool {
        let reply = self.try_ask(code::GET_WINDOW_ATTRIBUTES, 0, &window.0.to_le_bytes());
        reply.is_some_and(|reply| reply[26] == VIEWABLE)
    }

    /// Returns what the title says; empty without one.
    pub(crate) fn title(&mut self, window: WindowId) -> String {
        let title = self.property(window, "_NET_WM_NAME").unwrap_or_default();
        String::from_utf8_lossy(&title).into_owned()
    }

    fn property(&mut self, window: WindowId, name: &str) -> Option<Vec<u8>> {
        let reply = self.ask_by_name(code::INTERN_ATOM, 0, name);
        let atom = long(&reply, 8);
        let any_type = 0;
        let body = longs(&[window.0, atom, any_type, 0, PROPERTY_UNITS]);
        let reply = self.try_ask(code::GET_PROPERTY, 0, &body)?;
        let bytes = usize::from(reply[1] / 8) * usize::try_from(long(&reply, 16)).unwrap();
        (bytes > 0).then(|| reply[32..32 + bytes].to_vec())
    }

    /// Returns what the window shows; `None` where there is none any more.
    pub(crate) fn look(&mut self, window: WindowId) -> Option<Shot> {
        let geometry = self.try_ask(code::GET_GEOMETRY, 0, &window.0.to_le_bytes())?;
        let (width, height) = (short(&geometry, 16), short(&geometry, 18));
        let mut body = longs(&[window.0, 0]);
        body.extend(width.to_le_bytes());
        body.extend(height.to_le_bytes());
        body.extend(ALL_PLANES.to_le_bytes());
        let mut reply = self.try_ask(code::GET_IMAGE, Z_PIXMAP, &body)?;
        assert_eq!(reply[1], 24, "the screen has a depth of 24");
        reply.drain(..32);
        Some(Shot::of_bgrx(usize::from(width), usize::from(height), reply))
    }

    /// Gives the window the keyboard, as a window manager does; returns whether it has it.
    pub(crate) fn focus(&mut self, window: WindowId) -> bool {
        let (to_pointer_root, now) = (1, 0);
        self.send(code::SET_INPUT_FOCUS, to_pointer_root, &longs(&[window.0, now]));
        let reply = self.ask(code::GET_INPUT_FOCUS, 0, &[]);
        long(&reply, 8) == window.0
    }

    /// Presses a key and lets go of it.
    pub(crate) fn tap(&mut self, key: Key) {
        let (_, shifted) = self.place(key);
        if shifted {
            self.fake(Key::SHIFT, KEY_PRESS);
        }
        self.press(key);
        self.release(key);
        if shifted {
            self.fake(Key::SHIFT, KEY_RELEASE);
        }
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: Key) {
        self.fake(key, KEY_PRESS);
    }

    /// Lets go of a key.
    pub(crate) fn release(&mut self, key: Key) {
        self.fake(key, KEY_RELEASE);
    }

    /// Returns the code of a key, and whether it needs Shift.
    fn place(&self, key: Key) -> (u8, bool) {
        let index = self.keys.iter().position(|[alone, shifted]| *alone == key.0 || *shifted == key.0);
        let index = index.unwrap_or_else(|| panic!("the keyboard has no {key:?}"));
        (self.first_keycode + u8::try_from(index).unwrap(), self.keys[index][0] != key.0)
    }

    fn fake(&mut self, key: Key, event: u8) {
        let (keycode, _) = self.place(key);
        let mut body = vec![event, keycode, 0, 0];
        // No delay, no root, no place, no device.
        body.resize(32, 0);
        self.send(self.xtest, code::FAKE_INPUT, &body);
    }

    fn send(&mut self, opcode: u8, data: u8, body: &[u8]) {
        let units = u16::try_from(1 + body.len().div_ceil(4)).unwrap();
        let mut request = vec![opcode, data];
        request.extend(units.to_le_bytes());
        request.extend(body);
        request.resize(usize::from(units) * 4, 0);
        self.stream.write_all(&request).unwrap();
    }

    fn ask_by_name(&mut self, opcode: u8, data: u8, name: &str) -> Vec<u8> {
        let mut body = u16::try_from(name.len()).unwrap().to_le_bytes().to_vec();
        body.extend([0, 0]);
        body.extend(name.as_bytes());
        self.ask(opcode, data, &body)
    }

    fn ask(&mut self, opcode: u8, data: u8, body: &[u8]) -> Vec<u8> {
        self.try_ask(opcode, data, body).unwrap_or_else(|| panic!("the X server refused request {opcode}"))
    }

    /// Returns the reply; `None` where the server refused, as it does when a window has just gone.
    fn try_ask(&mut self, opcode: u8, data: u8, body: &[u8]) -> Option<Vec<u8>> {
        const REFUSED: u8 = 0;
        const REPLY: u8 = 1;
        self.send(opcode, data, body);
        loop {
            let mut reply = read(&mut self.stream, 32);
            match reply[0] {
                REFUSED => return None,
                REPLY => {
                    let more = usize::try_from(long(&reply, 4)).unwrap() * 4;
                    let rest = read(&mut self.stream, more);
                    reply.extend(rest);
                    return Some(reply);
                }
                // An event that goes to everybody, such as a new keyboard map.
                _ => {}
            }
        }
    }
}

fn read(stream: &mut UnixStream, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    stream.read_exact(&mut buffer).unwrap();
    buffer
}

fn longs(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
