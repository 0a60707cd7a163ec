//! Real processes: the built binary, a monitor that is ready, children that never outlive their test.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;

/// How often a wait looks again.
const LOOK: Duration = Duration::from_millis(20);

/// Asks `look` until it has an answer; `None` when `limit` is over.
///
/// # Errors
/// The first error of `look`.
pub fn wait_until<T>(limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    // Counted in looks, so that no clock is read; a loaded machine only makes it more patient.
    let looks = limit.as_millis().div_ceil(LOOK.as_millis());
    for _ in 0..looks {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        thread::sleep(LOOK);
    }
    look()
}

/// Returns the `watchkeeper` binary that lies beside the running test, built first if it is missing or older
/// than its sources.
///
/// # Errors
/// When the test lies somewhere unexpected, or the build fails.
pub fn watchkeeper() -> Result<PathBuf> {
    // One build at a time, and none by a second test of the same program.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let test = std::env::current_exe().context("finding the running test")?;
    let profile = test.parent().and_then(Path::parent).context("a test lies in target/PROFILE/deps")?;
    let binary = profile.join(format!("watchkeeper{}", std::env::consts::EXE_SUFFIX));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests lie in the workspace")?;
    let built_at = fs::metadata(&binary).and_then(|found| found.modified()).ok();
    let newest = newest_source(&root.join("crates"))?.max(newest_source(&root.join("simulator"))?);
    if built_at < newest {
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "--package", "watchkeeper-cli"]).current_dir(root);
        if profile.file_name() == Some(OsStr::new("release")) {
            build.arg("--release");
        }
        ensure!(build.status().context("running cargo")?.success(), "cargo build -p watchkeeper-cli failed");
    }
    ensure!(binary.exists(), "cargo built no {}", binary.display());
    Ok(binary)
}

/// Returns when a source file under `directory` last changed; `None` when there is none.
fn newest_source(directory: &Path) -> Result<Option<SystemTime>> {
    let mut newest = None;
    for entry in fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))? {
        let path = entry?.path();
        let is_test = path.file_name() == Some(OsStr::new("tests"));
        let found = if path.is_dir() {
            if is_test { None } else { newest_source(&path)? }
        } else if matches!(path.extension().and_then(OsStr::to_str), Some("rs" | "toml")) {
            Some(fs::metadata(&path)?.modified()?)
        } else {
            None
        };
        newest = newest.max(found);
    }
    Ok(newest)
}

/// A running program whose output goes to files; killed when dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    directory: TempDir,
}

impl Program {
    /// Starts `command`; `name` is what messages call it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        let directory = watchkeeper_canary::tempdir().context("making a directory for a program's output")?;
        let open = |file: &str| File::create(directory.path().join(file)).context("making an output file");
        let child = command
            .stdin(Stdio::null())
            .stdout(open("out")?)
            .stderr(open("err")?)
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        Ok(Self { name: name.to_owned(), child, directory })
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it is still running after `limit`; the message holds what it wrote.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let ended = wait_until(limit, || self.child.try_wait().context("waiting for a program"))?;
        ended.with_context(|| format!("still running after {limit:?}: {}", self.written()))
    }

    /// Returns how it ended, `None` while it runs.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("asking how {} ended", self.name))
    }

    /// Ends it with SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        // Both fail only when it has ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the standard output so far.
    pub fn output(&self) -> String {
        self.read("out")
    }

    /// Returns the JSON values of its standard output so far, one a line.
    ///
    /// # Errors
    /// When a complete line is not JSON.
    pub fn json_lines(&self) -> Result<Vec<Value>> {
        let output = self.output();
        let complete = output.rfind('\n').map_or("", |end| output.get(..end).unwrap_or_default());
        let parse = |line| {
            serde_json::from_str(line).with_context(|| format!("{} wrote {line:?}, not JSON", self.name))
        };
        complete.lines().map(parse).collect()
    }

    /// Returns everything it wrote, for a failure's message.
    pub fn written(&self) -> String {
        let (name, out, err) = (&self.name, self.read("out"), self.read("err"));
        format!("--- {name}, standard output\n{out}\n--- {name}, standard error\n{err}")
    }

    fn read(&self, file: &str) -> String {
        let bytes = fs::read(self.directory.path().join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A monitor that listens on a port of its own, with a data directory and a token of its own.
#[derive(Debug)]
pub struct Monitor {
    /// Its endpoint.
    pub url: String,
    /// Where its token lies.
    pub token_file: PathBuf,
    /// Its program.
    pub program: Program,
    /// Its data directory.
    pub data: TempDir,
}

impl Monitor {
    /// Starts `watchkeeper serve` with these further arguments, and waits until it listens.
    ///
    /// # Errors
    /// When it does not get ready within 30 s; the message holds what it wrote.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let data = watchkeeper_canary::tempdir().context("making a data directory")?;
        let (program, url, token_file) = serve(data.path(), "127.0.0.1:0", arguments)?;
        Ok(Self { url, token_file, program, data })
    }

    /// Starts it again on the same data directory and port; one that still runs is killed first.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_again(&mut self, arguments: &[&str]) -> Result<()> {
        self.program.kill();
        let listen = self.url.trim_start_matches("ws://").trim_end_matches("/v1");
        let (program, _same_url, token_file) = serve(self.data.path(), listen, arguments)?;
        (self.program, self.token_file) = (program, token_file);
        Ok(())
    }
}

fn serve(data: &Path, listen: &str, arguments: &[&str]) -> Result<(Program, String, PathBuf)> {
    let ready_file = data.join("ready.json");
    // What an earlier run said is not what this one says.
    fs::remove_file(&ready_file).unwrap_or_default();
    let mut serve: Vec<OsString> = ["serve", "--listen", listen, "--data"].map(Into::into).into();
    serve.extend([data.into(), "--ready-file".into(), ready_file.clone().into()]);
    serve.extend(arguments.iter().map(OsString::from));
    let mut command = Command::new(watchkeeper()?);
    // Without a runtime directory the token lies in the data directory: no two tests share it.
    command.args(serve).env_remove("XDG_RUNTIME_DIR").env_remove("WATCHKEEPER_TOKEN_FILE");
    let mut program = Program::start("monitor", &mut command)?;
    let ready = wait_until(Duration::from_secs(30), || {
        if let Some(status) = program.ended()? {
            bail!("the monitor ended with {status}: {}", program.written());
        }
        // A file that is still being written does not parse yet.
        let text = fs::read_to_string(&ready_file).unwrap_or_default();
        Ok(serde_json::from_str::<Value>(&text).ok())
    })?;
    let ready = ready.with_context(|| format!("the monitor did not get ready: {}", program.written()))?;
    let field = |name: &str| {
        let found = ready.get(name).and_then(Value::as_str);
        found.map(str::to_owned).with_context(|| format!("the ready file has no {name}: {ready}"))
    };
    let token_file = PathBuf::from(field("token_file")?);
    let token =
        fs::read_to_string(&token_file).with_context(|| format!("reading {}", token_file.display()))?;
    watchkeeper_canary::register(&token);
    Ok((program, field("url")?, token_file))
}
