//! A heartbeat in place of the system's lock, on file systems without locks: the lock file names its owner, who rewrites
//! it every few seconds. It protects less than a lock, see [`Lost::Locks`](super::lost::Lost::Locks).

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::now;

/// The process that works on a run: the text of the lock file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The machine that it runs on.
    pub host: String,
    /// Since when: RFC 3339, UTC.
    pub since: String,
    /// When it was last written; absent if the system's lock protects the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beat: Option<String>,
}

/// The time between two beats.
const BEAT: Duration = Duration::from_secs(10);

/// A holder on another machine that has been silent for this long counts as gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Time after which each of two processes that start at once sees what the other has written.
const SETTLE: Duration = Duration::from_millis(200);

/// A thread that rewrites the lock file until this value is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    file: File,
    holder: Holder,
    /// Dropping it ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Holder {
    /// Whether it is a process of this machine.
    pub fn is_here(&self) -> bool {
        self.host == host()
    }

    /// This process, from this moment.
    pub fn this() -> Self {
        Self {
            pid: std::process::id(),
            host: host(),
            since: now(),
            beat: None,
        }
    }

    /// What a lock file says; `None` where it says nothing, or is being written.
    pub fn read(file: &mut File) -> Option<Self> {
        let mut text = String::new();
        file.rewind().ok()?;
        file.read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes it over what the file says.
    pub fn write(&self, file: &mut File) -> io::Result<()> {
        let text = serde_json::to_string(self).expect("a holder is plain data");
        file.rewind()?;
        file.write_all(format!("{text}\n").as_bytes())?;
        file.set_len(text.len() as u64 + 1)
    }

    fn is(&self, other: &Self) -> bool {
        (self.pid, &self.host, &self.since) == (other.pid, &other.host, &other.since)
    }

    /// Whether a process of this machine is gone; `false` where that cannot be told.
    fn is_gone(&self) -> bool {
        let processes = Path::new("/proc");
        let is_told = processes.join("self").exists();
        is_told && self.host == host() && !processes.join(self.pid.to_string()).exists()
    }
}

impl Heartbeat {
    /// Claims the lock file; `None` if another process holds it.
    pub fn start(file: &File) -> io::Result<Option<Self>> {
        let mut file = file.try_clone()?;
        if is_beating(&mut file) {
            return Ok(None);
        }
        let mut holder = Holder::this();
        holder.beat = Some(now());
        holder.write(&mut file)?;
        file.sync_data()?;
        sleep(SETTLE);
        if !is_of(&holder, &mut file) {
            return Ok(None);
        }
        let (stop, stopped) = mpsc::channel();
        let (mut own, mut beating) = (file.try_clone()?, holder.clone());
        let beat = move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                // A process that took over after a long silence keeps it.
                if !is_of(&beating, &mut own) {
                    return;
                }
                beating.beat = Some(now());
                let _ = beating.write(&mut own);
            }
        };
        let thread = thread::Builder::new().name("heartbeat".to_owned());
        Ok(Some(Self {
            thread: Some(thread.spawn(beat)?),
            file,
            holder,
            stop: Some(stop),
        }))
    }

    /// Whether the lock file at `path` still says that this process has it.
    pub fn is_ours(&self, path: &Path) -> bool {
        File::open(path).is_ok_and(|mut file| is_of(&self.holder, &mut file))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if is_of(&self.holder, &mut self.file) {
            let _ = self.file.set_len(0);
        }
    }
}

fn is_of(holder: &Holder, file: &mut File) -> bool {
    Holder::read(file).is_some_and(|there| there.is(holder))
}

/// Whether the holder of a lock file still rewrites it every few seconds.
pub fn is_beating(file: &mut File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    // A time in the future is that of a clock that is ahead.
    let is_silent = modified.is_ok_and(|modified| {
        let age = SystemTime::now().duration_since(modified);
        age.is_ok_and(|age| age > SILENCE)
    });
    let holder = Holder::read(file);
    holder.is_some_and(|holder| holder.beat.is_some() && !is_silent && !holder.is_gone())
}

/// The name of this machine, for people.
fn host() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_str()
        .ok()
        .map(str::to_owned);
    #[cfg(not(unix))]
    let name = std::env::var("HOSTNAME").ok();
    name.unwrap_or_else(|| "this machine".to_owned())
}
