//! The small HTTP server behind `--metrics`: one answer a connection, and nothing but `GET /metrics`.
//!
//! The exporter brings a server of its own; it says neither which port it took, nor does it bound connections, their
//! time, or whom it answers. A page in somebody's browser can reach loopback ports by DNS rebinding, hence the check
//! of `Host` (`security.md` T17). There is no token: who may open a port of this machine may know the figures, which
//! name no agent and no person.

use crate::{handshake::is_this_machine, metrics::Exposition};
use std::{io, net::IpAddr, str, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

/// Path of the figures.
pub(crate) const PATH: &str = "/metrics";
/// Connections at once; more wait until one is over.
const CONNECTIONS: usize = 8;
/// From the connection to the end of the answer.
const DEADLINE: Duration = Duration::from_secs(5);
/// Most bytes of a request that are read.
const REQUEST_BYTES: usize = 8 << 10;
/// Most headers of a request.
const HEADERS: usize = 64;
/// How often measured spans are sorted into their buckets, whether or not somebody scrapes.
const UPKEEP: Duration = Duration::from_secs(1);
/// After a failed accept, most likely for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The figures; without them where only the head is asked for.
    Figures { body: bool },
    /// This is no request, or one that is too long.
    Malformed,
    /// Another method.
    Method,
    /// Another path.
    Path,
    /// `Host` is absent, ambiguous, or not this machine.
    Host,
}

/// Answers scrapes until `shutdown`; what is under way then is cut off.
pub(crate) async fn run(listener: TcpListener, exposition: Exposition, mut shutdown: watch::Receiver<bool>) {
    let exposition = Arc::new(exposition);
    let mut tasks = JoinSet::new();
    let mut upkeep = interval(UPKEEP);
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = shutdown.changed() => break,
            Some(_ended) = tasks.join_next() => {}
            _ = upkeep.tick() => exposition.keep_up(),
            accepted = listener.accept(), if tasks.len() < CONNECTIONS => match accepted {
                Ok((stream, _peer)) => {
                    tasks.spawn(serve(stream, Arc::clone(&exposition)));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not take a connection for metrics");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    tasks.shutdown().await;
}

async fn serve(stream: TcpStream, exposition: Arc<Exposition>) {
    match timeout(DEADLINE, answer(stream, &exposition)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a scrape was not answered"),
        Err(_) => tracing::debug!("a scrape took too long"),
    }
}

async fn answer(mut stream: TcpStream, exposition: &Exposition) -> io::Result<()> {
    let listen = stream.local_addr()?.ip();
    let mut request = Vec::with_capacity(1 << 10);
    let answer = loop {
        if let Some(answer) = read(&request, listen) {
            break answer;
        }
        let mut more = [0; 1 << 10];
        let bytes = stream.read(&mut more).await?;
        // Whoever leaves in the middle wants no answer.
        let Some(more) = more.get(..bytes).filter(|more| !more.is_empty()) else { return Ok(()) };
        request.extend_from_slice(more);
    };
    stream.write_all(response(answer, exposition).as_bytes()).await?;
    stream.shutdown().await
}

/// Reads a request as far as it has come; `None` while it is not complete.
fn read(bytes: &[u8], listen: IpAddr) -> Option<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return (bytes.len() >= REQUEST_BYTES).then_some(Answer::Malformed),
        Err(_) => return Some(Answer::Malformed),
    }
    let mut hosts = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
    let host = hosts.next().and_then(|header| str::from_utf8(header.value).ok());
    if hosts.next().is_some() || !host.is_some_and(|host| is_this_machine(host.trim(), listen)) {
        return Some(Answer::Host);
    }
    let path = request.path.and_then(|target| target.split('?').next());
    Some(match (path, request.method) {
        (Some(PATH), Some("GET")) => Answer::Figures { body: true },
        (Some(PATH), Some("HEAD")) => Answer::Figures { body: false },
        (Some(PATH), _) => Answer::Method,
        (_, _) => Answer::Path,
    })
}

fn response(answer: Answer, exposition: &Exposition) -> String {
    let (status, body) = match answer {
        Answer::Figures { .. } => ("200 OK", exposition.render()),
        Answer::Malformed => ("400 Bad Request", "this is no HTTP/1.1 request\n".to_owned()),
        Answer::Method => ("405 Method Not Allowed", "only GET is answered\n".to_owned()),
        Answer::Path => ("404 Not Found", format!("the figures are at {PATH}\n")),
        Answer::Host => {
            ("403 Forbidden", "the Host header must name this machine's loopback address\n".to_owned())
        }
    };
    let shown = if answer == (Answer::Figures { body: false }) { "" } else { body.as_str() };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Allow: GET, HEAD\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{shown}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn ask(request: &str) -> Option<Answer> {
        read(request.as_bytes(), Ipv4Addr::LOCALHOST.into())
    }

    #[test]
    fn only_the_figures_are_answered_and_only_to_this_machine() {
        let ask_host = |line: &str, host: &str| ask(&format!("{line}\r\nHost: {host}\r\n\r\n"));
        let get = "GET /metrics HTTP/1.1";
        let figures = Some(Answer::Figures { body: true });
        assert_eq!(ask_host(get, "127.0.0.1:9464"), figures);
        assert_eq!(ask_host(get, "localhost"), figures);
        assert_eq!(ask_host("GET /metrics?x=1 HTTP/1.1", "[::1]:1"), figures);
        assert_eq!(ask_host("HEAD /metrics HTTP/1.1", "localhost"), Some(Answer::Figures { body: false }));
        assert_eq!(ask_host("POST /metrics HTTP/1.1", "localhost"), Some(Answer::Method));
        assert_eq!(ask_host("GET / HTTP/1.1", "localhost"), Some(Answer::Path));
        assert_eq!(ask_host("GET /metrics/ HTTP/1.1", "localhost"), Some(Answer::Path));
        for host in ["evil.test", "127.0.0.1.evil.test", "localhost\r\nHost: localhost", ""] {
            assert_eq!(ask_host(get, host), Some(Answer::Host), "{host}");
        }
        assert_eq!(ask(&format!("{get}\r\n\r\n")), Some(Answer::Host));
    }

    #[test]
    fn a_request_is_read_to_its_end_and_no_further_than_its_bound() {
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for end in 0..request.len() {
            assert_eq!(request.get(..end).and_then(ask), None, "{end}");
        }
        assert!(ask(request).is_some());
        assert_eq!(ask("\u{1}\r\n\r\n"), Some(Answer::Malformed));
        let long =
            format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nCookie: {}", "x".repeat(REQUEST_BYTES));
        assert_eq!(ask(&long), Some(Answer::Malformed));
    }
}
