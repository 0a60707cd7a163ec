//! From a TCP connection to a WebSocket: who may even knock.
//!
//! A page in somebody's browser can reach loopback ports, by cross-site requests or by DNS rebinding; hence the
//! checks of `Host` and `Origin` (`security.md` T17, T18). A token in a URL ends up in logs and histories;
//! hence no query string (T27). No extension is ever negotiated (T14).

use crate::{
    allowed::AllowedSites,
    clock::Clock,
    gatekeeper::{Gatekeeper, Proof},
    tls::Stream,
};
use std::net::IpAddr;
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        self,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
        protocol::WebSocketConfig,
    },
};
use watchkeeper_protocol::{PATH, SUBPROTOCOL};

/// What a peer's frame may have so that it still is read, and answered with `too_large`.
const READABLE_FRAME: usize = 256 << 10;
const READ_BUFFER: usize = 8 << 10;
const WRITE_BUFFER: usize = 64 << 10;
/// Above the largest batch plus one frame; reaching it ends the session like a missed write deadline.
const MAX_WRITE_BUFFER: usize = 1 << 20;

/// Why an upgrade is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The path is not `/v1`.
    Path,
    /// There is a query string.
    Query,
    /// `Host` is absent, ambiguous, or not this machine.
    Host,
    /// `Origin` is ambiguous or another site.
    Origin,
    /// The subprotocol is not offered.
    Subprotocol,
    /// `Authorization` is not `Bearer` with a token that lets its bearer in.
    Token,
}

impl Refusal {
    const fn status(self) -> StatusCode {
        match self {
            Self::Path => StatusCode::NOT_FOUND,
            Self::Query | Self::Subprotocol => StatusCode::BAD_REQUEST,
            Self::Host | Self::Origin => StatusCode::FORBIDDEN,
            Self::Token => StatusCode::UNAUTHORIZED,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Path => "the endpoint is /v1\n",
            Self::Query => {
                "no query string is taken; the token goes into the hello or into `Authorization: Bearer`\n"
            }
            Self::Host => {
                "the Host header must name the monitor as it knows itself: by a loopback name, the address it listens \
                 on, or a name given to `serve` with --allow-host\n"
            }
            Self::Origin => "pages of other sites may not connect, unless `serve` has their --allow-origin\n",
            Self::Subprotocol => "Sec-WebSocket-Protocol must offer watchkeeper.v1\n",
            Self::Token => "Authorization must be `Bearer` with a token that is good here\n",
        }
    }

    fn response(self) -> ErrorResponse {
        let body = self.text();
        let mut response = ErrorResponse::new(Some(body.to_owned()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// Upgrades a connection.
///
/// # Errors
/// Whatever is wrong with the request; the peer has been told where that was possible.
pub(crate) async fn upgrade(
    stream: Stream,
    listen: IpAddr,
    allowed: &AllowedSites,
    (gatekeeper, clock): (&Gatekeeper, Clock),
) -> Result<(WebSocketStream<Stream>, Option<Proof>), tungstenite::Error> {
    let mut proof = None;
    #[expect(clippy::result_large_err, reason = "tungstenite's signature")]
    let check = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let examine = |token: &str| gatekeeper.examine(token, clock).ok();
        let checked = check_request(request.uri(), request.headers(), listen, allowed, examine);
        proof = checked.map_err(|refusal| {
            tracing::debug!(?refusal, "refused an upgrade");
            refusal.response()
        })?;
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        Ok(response)
    };
    let socket = accept_hdr_async_with_config(stream, check, Some(config())).await?;
    Ok((socket, proof))
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(Some(READABLE_FRAME))
        .max_frame_size(Some(READABLE_FRAME))
}

/// Checks the request of an upgrade; `listen` is the server's own address, `allowed` what else may be named. Returns
/// what a bearer proved by `examine`, `None` where there is none.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn check_request<P>(
    uri: &Uri,
    headers: &HeaderMap,
    listen: IpAddr,
    allowed: &AllowedSites,
    examine: impl FnOnce(&str) -> Option<P>,
) -> Result<Option<P>, Refusal> {
    if uri.query().is_some() {
        return Err(Refusal::Query);
    }
    if uri.path() != PATH {
        return Err(Refusal::Path);
    }
    let host = single(headers, &header::HOST, Refusal::Host)?.ok_or(Refusal::Host)?;
    if !is_this_machine(host, listen) && !allowed.has_host(host) {
        return Err(Refusal::Host);
    }
    if let Some(origin) = single(headers, &header::ORIGIN, Refusal::Origin)? {
        let site = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if !site.is_some_and(|site| is_this_machine(site, listen)) && !allowed.has_origin(origin) {
            return Err(Refusal::Origin);
        }
    }
    let offered = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offer| offer.trim() == SUBPROTOCOL);
    if !offered {
        return Err(Refusal::Subprotocol);
    }
    let Some(value) = single(headers, &header::AUTHORIZATION, Refusal::Token)? else { return Ok(None) };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            examine(token.trim()).map(Some).ok_or(Refusal::Token)
        }
        Some(_) | None => Err(Refusal::Token),
    }
}

/// Returns the only value of a header, `None` where it is absent; refuses several, and what is not text.
fn single<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    refusal: Refusal,
) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_not_text| refusal),
        (Some(_), Some(_)) => Err(refusal),
    }
}

/// Says whether `host[:port]` is a loopback name or address, or the address we listen on.
///
/// The address that stands for all of a machine is none to be reached by, and browsers let any page try it.
pub(crate) fn is_this_machine(authority: &str, listen: IpAddr) -> bool {
    host_of(authority).is_some_and(|host| {
        host.eq_ignore_ascii_case("localhost")
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback() || (address == listen && !listen.is_unspecified()))
    })
}

/// Returns the host of `host[:port]`, without the brackets of IPv6; `None` where it is something else.
pub(crate) fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':').or(port.is_empty().then_some("0"))?)
        }
        None => authority.split_once(':').unwrap_or((authority, "0")),
    };
    port.parse::<u16>().is_ok().then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn check(uri: &str, headers: &[(&'static str, &'static str)]) -> Result<Option<()>, Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        check_with(&AllowedSites::default(), uri, &map)
    }

    fn check_with(allowed: &AllowedSites, uri: &str, headers: &HeaderMap) -> Result<Option<()>, Refusal> {
        let listen = Ipv4Addr::LOCALHOST.into();
        check_request(&uri.parse().unwrap(), headers, listen, allowed, |token| {
            (token == "secret").then_some(())
        })
    }

    const GOOD: [(&str, &str); 2] =
        [("host", "127.0.0.1:7410"), ("sec-websocket-protocol", "watchkeeper.v1")];

    #[test]
    fn an_honest_client_gets_in_with_and_without_a_bearer() {
        assert_eq!(check("/v1", &GOOD), Ok(None));
        let bearer = [GOOD[0], GOOD[1], ("authorization", "Bearer secret")];
        assert_eq!(check("/v1", &bearer), Ok(Some(())));
    }

    #[test]
    fn hosts_and_origins_of_others_are_refused() {
        for (host, good) in [
            ("localhost", true),
            ("localhost:8000", true),
            ("[::1]:7410", true),
            ("127.0.0.9:7410", true),
            ("evil.test", false),
            ("evil.test:7410", false),
            ("127.0.0.1.evil.test", false),
            ("localhost.evil.test:7410", false),
            ("127.0.0.1:7410@evil.test", false),
            ("", false),
        ] {
            assert_eq!(check("/v1", &[("host", host), GOOD[1]]).is_ok(), good, "{host}");
        }
        assert_eq!(check("/v1", &[GOOD[1]]), Err(Refusal::Host));
        assert_eq!(check("/v1", &[GOOD[0], GOOD[0], GOOD[1]]), Err(Refusal::Host));
        for (origin, good) in [
            ("http://localhost:3000", true),
            ("https://127.0.0.1", true),
            ("null", false),
            ("https://evil.test", false),
            ("http://localhost.evil.test", false),
            ("file://localhost", false),
        ] {
            assert_eq!(check("/v1", &[GOOD[0], GOOD[1], ("origin", origin)]).is_ok(), good, "{origin}");
        }
    }

    #[test]
    fn the_address_we_listen_on_is_ours_unless_it_stands_for_all_of_the_machine() {
        for (listen, host, good) in [
            ("10.0.0.5", "10.0.0.5:7410", true),
            ("10.0.0.5", "10.0.0.6:7410", false),
            ("0.0.0.0", "0.0.0.0:7410", false),
            ("::", "[::]:7410", false),
            ("0.0.0.0", "127.0.0.1:7410", true),
        ] {
            assert_eq!(is_this_machine(host, listen.parse().unwrap()), good, "{host} at {listen}");
        }
    }

    #[test]
    fn what_is_configured_is_taken_to_the_letter_and_nothing_beside_it() {
        let allowed = AllowedSites::new(
            &["monitor.example", "10.0.0.5", "2001:db8::5"],
            &["https://console.example:8443"],
        )
        .unwrap();
        let ask = |host: &'static str, origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.append(header::HOST, HeaderValue::from_static(host));
            headers.append(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
            origin.map(|origin| headers.append(header::ORIGIN, HeaderValue::from_static(origin)));
            check_with(&allowed, "/v1", &headers).map(drop)
        };
        for host in
            ["monitor.example", "Monitor.Example:7410", "10.0.0.5:7410", "[2001:db8:0::5]:1", "localhost"]
        {
            assert_eq!(ask(host, None), Ok(()), "{host}");
        }
        for host in
            ["example", "a.monitor.example", "monitor.example.evil.test", "monitor.example:x", "10.0.0.6"]
        {
            assert_eq!(ask(host, None), Err(Refusal::Host), "{host}");
        }
        assert_eq!(ask("localhost", Some("https://console.example:8443")), Ok(()));
        for origin in [
            "https://console.example",
            "http://console.example:8443",
            "https://console.example:8443.evil.test",
            "https://a.console.example:8443",
            "https://monitor.example",
            "null",
        ] {
            assert_eq!(ask("localhost", Some(origin)), Err(Refusal::Origin), "{origin}");
        }
    }

    #[test]
    fn paths_queries_subprotocols_and_bearers_are_checked() {
        assert_eq!(check("/v2", &GOOD), Err(Refusal::Path));
        assert_eq!(check("/v1/", &GOOD), Err(Refusal::Path));
        assert_eq!(check("/v1?token=secret", &GOOD), Err(Refusal::Query));
        assert_eq!(check("/v1", &[GOOD[0]]), Err(Refusal::Subprotocol));
        assert_eq!(
            check("/v1", &[GOOD[0], ("sec-websocket-protocol", "chat, watchkeeper.v2")]),
            Err(Refusal::Subprotocol)
        );
        assert!(check("/v1", &[GOOD[0], ("sec-websocket-protocol", "chat, watchkeeper.v1")]).is_ok());
        for wrong in ["Bearer wrong", "Basic secret", "secret", "Bearer"] {
            let headers = [GOOD[0], GOOD[1], ("authorization", wrong)];
            assert_eq!(check("/v1", &headers), Err(Refusal::Token), "{wrong}");
        }
    }
}
