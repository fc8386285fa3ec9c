//! The string format of a value, as far as the value alone shows it.

use std::net::{Ipv4Addr, Ipv6Addr};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The format of a text, if there is no doubt about it.
pub fn of(text: &str) -> Option<&'static str> {
    // The cheapest tests first, because most strings are words.
    let byte = text.as_bytes().first()?;
    if text.len() > 2048 || !text.is_ascii() {
        return None;
    }
    let hex = byte.is_ascii_hexdigit();
    if byte.is_ascii_digit() {
        if text.len() == "2024-02-29".len() && is_moment(&format!("{text}T00:00:00Z")) {
            return Some("date");
        }
        if matches!(text.as_bytes().get(10), Some(b'T' | b't')) && is_moment(text) {
            return Some("date-time");
        }
        if text.as_bytes().get(2) == Some(&b':') && is_moment(&format!("2024-02-29T{text}")) {
            return Some("time");
        }
        if text.parse::<Ipv4Addr>().is_ok() {
            return Some("ipv4");
        }
    }
    if hex && is_uuid(text) {
        return Some("uuid");
    }
    if (hex || *byte == b':') && text.matches(':').count() > 1 && text.parse::<Ipv6Addr>().is_ok() {
        return Some("ipv6");
    }
    if is_uri(text) {
        return Some("uri");
    }
    is_email(text).then_some("email")
}

/// A 64-bit integer in JSON's notation; `007` is text.
pub fn is_integer(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
}

/// Whether the text is an identifier or a point in time rather than a name: a UUID, a date, or a number.
pub fn is_data(text: &str) -> bool {
    let in_numbers = |byte: u8| byte.is_ascii_digit() || b"-/.: TZ".contains(&byte);
    matches!(of(text), Some("uuid" | "date" | "date-time"))
        || text.bytes().all(in_numbers) && text.starts_with(|c: char| c.is_ascii_digit())
}

fn is_moment(text: &str) -> bool {
    OffsetDateTime::parse(text, &Rfc3339).is_ok()
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    matches!(scheme, "http" | "https" | "ftp" | "ws" | "wss" | "rtmp" | "rtmps" | "s3")
        && !host.is_empty()
        && !host.starts_with(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && rest.matches('#').count() < 2
        && rest.bytes().enumerate().all(|(at, byte)| match byte {
            b'%' => rest.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte),
        })
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let word = |part: &str, extra: &[u8]| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(&byte))
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    local.split('.').all(|part| word(part, b"_%+-"))
        && domain.contains('.')
        && domain.split('.').all(|part| word(part, b"-"))
        && domain.rsplit('.').next().is_some_and(|top| top.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_named_only_if_there_is_no_doubt() {
        for (text, format) in [
            ("2007-10-18T20:08:39.248Z", Some("date-time")),
            ("2007-10-18T20:08:39+02:00", Some("date-time")),
            ("2007-10-18T20:08:39", None),
            ("2024-02-29", Some("date")),
            ("2023-02-29", None),
            ("2023-13-01", None),
            ("2007-10-18t20:08:39.1234567890123z", Some("date-time")),
            ("2007-10-18 20:08:39Z", None),
            ("2007-10-18T24:08:39Z", None),
            ("2007-10-18T20:08:39+25:00", None),
            ("2007-10-18T20:08:39.Z", None),
            ("10:31:46.317Z", Some("time")),
            ("10:31:46-08:00", Some("time")),
            ("10:31:46", None),
            ("20240229", None),
            ("+024-02-29", None),
            ("10:31", None),
            ("fe246818-f33a-18d6-2e19-b5e697910d7a", Some("uuid")),
            ("fe246818f33a18d62e19b5e697910d7a", None),
            ("143.201.82.65", Some("ipv4")),
            ("999.1.1.1", None),
            ("2001:db8::1", Some("ipv6")),
            ("https://IBrRnEbZoeJwPd.ixq+PqOQQZC-z42EWi", Some("uri")),
            ("https://a.example/{id}", None),
            ("https://a.example/%zz", None),
            ("https://", None),
            ("aute ", None),
            ("a.b@example.com", Some("email")),
            ("a@b", None),
            ("@you", None),
            ("", None),
            ("ünïcode", None),
        ] {
            assert_eq!(of(text), format, "{text}");
        }
    }
}
