//! Looks for the secrets of a test run in all that it leaves: what it printed, and every file of its folders.
//!
//! Tests register their secrets and keep their folders through `watchkeeper-canary`; what lies in a file that holds a secret by
//! purpose is one too. Deliberately not here: memory of running programs, and output of passing tests, which nobody gets.

mod needles;

use crate::invocation;
use anyhow::{Context, Result, bail, ensure};
use needles::Needles;
use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

/// The same as `watchkeeper_canary::VARIABLE`.
const VARIABLE: &str = "WATCHKEEPER_CANARIES";

/// Files that hold a secret by purpose, by name or ending, and why: they are taken for secrets and not searched.
const BY_PURPOSE: &[(&str, &str)] = &[
    ("token", "the token of a run, for whoever may read the file (server/token.rs)"),
    (".token", "a token that `watchkeeper token issue` or a test wrote for its bearer"),
    ("signing.key", "the key that signs tokens (identity/directory.rs)"),
    (".key", "the private key of a certificate"),
    ("secret", "the secret of a webhook (server/pager/secret.rs)"),
    (".secret", "the same"),
];
/// Most places that are printed.
const SHOWN: usize = 20;

/// One run of tests.
pub(crate) struct Run {
    /// Where secrets are registered and outputs kept.
    folder: PathBuf,
}

/// What a run left, once it was searched.
#[derive(Debug)]
pub(crate) struct Searched {
    pub(crate) secrets: usize,
    pub(crate) files: usize,
    /// Where secrets were found: file, offset, how written.
    pub(crate) leaks: Vec<String>,
}

impl Run {
    /// Makes empty folders for a run below the target directory.
    pub(crate) fn begin(manifest: &Path) -> Result<Self> {
        let root = manifest.parent().context("the manifest lies in the workspace")?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let target = env::current_dir().context("finding the current directory")?.join(target);
        Self::at(target.join("canaries"))
    }

    fn at(folder: PathBuf) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("emptying {}", folder.display()))?;
        }
        let run = Self { folder };
        fs::create_dir_all(run.temporary()).with_context(|| format!("making {}", run.folder.display()))?;
        Ok(run)
    }

    /// Where the folders of tests lie.
    fn temporary(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    /// Runs cargo with these arguments as a part of the run; what it prints is shown, and kept.
    pub(crate) fn cargo(&self, arguments: &[OsString]) -> Result<ExitCode> {
        let mut child = invocation::cargo(arguments)
            .env(VARIABLE, &self.folder)
            .env("TMPDIR", self.temporary())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .context("cannot start cargo")?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (out, err) = out.zip(err).context("both outputs are pipes")?;
        let kept = |name| File::options().create(true).append(true).open(self.folder.join(name));
        let (kept_out, kept_err) = (kept("output")?, kept("errors")?);
        let copied = thread::spawn(move || tee(err, io::stderr(), kept_err));
        tee(out, io::stdout(), kept_out)?;
        let Ok(copied) = copied.join() else { bail!("copying what cargo wrote failed") };
        copied?;
        Ok(invocation::exit_code(child.wait().context("waiting for cargo")?))
    }

    /// Searches what the run left for its secrets.
    pub(crate) fn search(&self) -> Result<Searched> {
        let mut files = Vec::new();
        files_under(&self.folder, &mut files)?;
        let mut needles = Needles::default();
        let mut searched = Vec::new();
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if file.parent() == Some(&self.folder) && name.starts_with("secrets-") {
                fs::read_to_string(&file)?.lines().for_each(|secret| needles.add(secret));
            } else if BY_PURPOSE.iter().any(|(end, _)| is_named(&name, end)) {
                needles.add(&secret_of(&String::from_utf8_lossy(&fs::read(&file)?)));
            } else {
                searched.push(file);
            }
        }
        let secrets = needles.count();
        let finder = needles.finder()?;
        let mut leaks = Vec::new();
        for file in &searched {
            let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
            if let Some((offset, form)) = finder.find(&bytes) {
                leaks.push(format!("{} at byte {offset}, {form}", file.display()));
            }
        }
        Ok(Searched { secrets, files: searched.len(), leaks })
    }

    /// Searches, and says what came of it: an error where a secret leaked, or where a whole run knew of none.
    pub(crate) fn end(self, is_whole: bool) -> Result<String> {
        let Searched { secrets, files, leaks } = self.search()?;
        ensure!(
            leaks.is_empty(),
            "secrets of this run stand where nobody may read them, in {} of {files} files, which are kept:\n  {}",
            leaks.len(),
            leaks.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n  ")
        );
        ensure!(
            secrets > 0 || !is_whole,
            "no test of a whole run registered a secret: nothing was looked for"
        );
        fs::remove_dir_all(&self.folder).with_context(|| format!("removing {}", self.folder.display()))?;
        Ok(format!(
            "no secret of this run ({secrets}) stands in what it printed, or in {files} files that it left"
        ))
    }
}

/// Returns whether a file name is the one meant, or ends as meant.
fn is_named(name: &str, end: &str) -> bool {
    if end.starts_with('.') { name.len() > end.len() && name.ends_with(end) } else { name == end }
}

/// Where the private number stands in the base64 of a P-256 key (PKCS #8 around RFC 5915): bytes 36 to 68. The public key
/// behind it stands in the certificate too.
const PRIVATE_NUMBER: std::ops::Range<usize> = 48..88;

/// Returns what is secret in a file that holds a secret by purpose.
fn secret_of(text: &str) -> String {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let is_pem = text.starts_with("-----BEGIN");
    body.get(PRIVATE_NUMBER).filter(|_| is_pem).map_or(body.clone(), str::to_owned)
}

fn tee(mut from: impl Read, mut shown: impl Write, mut kept: impl Write) -> Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = from.read(&mut buffer).context("reading what cargo writes")?;
        let Some(part @ [_, ..]) = buffer.get(..count) else { return Ok(()) };
        kept.write_all(part).context("keeping what cargo writes")?;
        // A reader that has gone away misses it; what is kept is whole.
        shown.write_all(part).and_then(|()| shown.flush()).unwrap_or_default();
    }
}

/// Lists regular files; links and sockets hold nothing of their own.
fn files_under(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files_under(&entry.path(), found)?;
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str =
        "v4.public.eyJqdGkiOiI3ZDBjIiwic3ViIjoiYW5uYSJ9c2lnbmF0dXJlLW9mLXNvLW1hbnktYnl0ZXM.a2V5";

    /// No 20 bytes of it go into a URL as they are.
    const KEY: &str = "c2VjcmV0/29mLWE+d2ViaG9v/ay1vZi1z+b21lYm9k/eS13aG8t+d2FpdHM/";

    fn run(name: &str) -> Run {
        let folder = env::temp_dir().join(format!("canary-{name}-{}", std::process::id()));
        Run::at(folder).unwrap()
    }

    fn write(run: &Run, name: &str, text: &[u8]) {
        let file = run.folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn a_planted_leak_is_found_with_its_file_and_offset_however_it_is_written() {
        let of = |secret| needles::written(secret).into_iter().map(move |(form, leak)| (secret, form, leak));
        for (secret, form, leak) in of(TOKEN).chain(of(KEY)) {
            let run = run("planted");
            write(&run, "secrets-1", secret.as_bytes());
            write(&run, "tmp/a/ledger/segment-1", b"nothing to see");
            write(&run, "tmp/a/log", &[b"12345", leak.as_slice(), b"rest"].concat());
            let leaks = run.search().unwrap().leaks;
            assert_eq!(leaks.len(), 1, "{form}");
            assert!(leaks[0].contains("tmp/a/log at byte ") && leaks[0].ends_with(form), "{form}: {leaks:?}");
            let error = run.end(true).unwrap_err().to_string();
            assert!(error.contains("1 of 2 files") && !error.contains("eyJqdGk"), "{error}");
        }
    }

    #[test]
    fn a_part_of_a_secret_is_one_too_and_what_everybody_knows_of_it_is_not() {
        let run = run("part");
        write(&run, "secrets-1", TOKEN.as_bytes());
        write(&run, "output", b"v4.public. of key a2V5");
        assert!(run.search().unwrap().leaks.is_empty());
        write(&run, "errors", &TOKEN.as_bytes()[30..70]);
        assert_eq!(run.search().unwrap().leaks.len(), 1);
        fs::remove_dir_all(&run.folder).unwrap();
    }

    #[test]
    fn what_lies_in_a_file_for_secrets_is_one_and_is_looked_for_elsewhere() {
        let run = run("purpose");
        for (index, name) in
            ["token", "anna.token", "keys/signing.key", "server.key", "pager.secret"].iter().enumerate()
        {
            let secret = format!("{index}-abcdefghijklmnopqrstuvwxyz-{index}");
            write(&run, &format!("tmp/{index}/{name}"), secret.as_bytes());
            assert!(run.search().unwrap().leaks.is_empty(), "{name} is where it belongs");
            write(&run, &format!("tmp/{index}/tokens"), secret.as_bytes());
            assert_eq!(run.search().unwrap().leaks.len(), 1, "{name}");
            fs::remove_file(run.folder.join(format!("tmp/{index}/tokens"))).unwrap();
        }
        assert!(run.end(true).unwrap().contains("(5)"));
    }

    #[test]
    fn of_a_private_key_its_public_half_is_no_secret() {
        let lines = [
            "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPrivateNumber1234",
            "567890abcdefghijklmnopqrstuPublicHalf1234567890ABCDEFGHIJKLMNOPQR",
        ];
        let run = run("key");
        write(
            &run,
            "tmp/a/server.key",
            format!("-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END", lines[0], lines[1]).as_bytes(),
        );
        write(&run, "tmp/a/server.pem", &lines[1].as_bytes()[27..]);
        assert_eq!(run.search().unwrap().leaks, Vec::<String>::new());
        write(&run, "tmp/a/log", &[&lines[0].as_bytes()[48..], &lines[1].as_bytes()[..24]].concat());
        assert_eq!(run.search().unwrap().leaks.len(), 1);
        fs::remove_dir_all(&run.folder).unwrap();
    }

    #[test]
    fn a_whole_run_that_knows_of_no_secret_fails_and_a_part_of_one_does_not() {
        let without = run("none");
        write(&without, "output", b"test result: ok");
        assert!(without.end(true).unwrap_err().to_string().contains("registered a secret"));
        assert!(run("none").end(false).is_ok());
    }
}
