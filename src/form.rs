//! The fields of a body → `application/x-www-form-urlencoded`, JSON, or `multipart/form-data` (RFC 7578) in one buffer
//! of known length.
//!
//! `reqwest::multipart::Form` becomes a stream, which can be neither measured nor sent a second time.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use serde::Serialize;

use crate::body::{BodyEncoding, Encoded, Field, urlencoded};
use crate::file::FilePart;
use crate::operation::Operation;

impl Encoded {
    /// `None` if there is no field and the operation does not require one.
    #[allow(dead_code)] // unused if the description has no form
    pub fn form(
        operation: &Operation,
        encoding: BodyEncoding,
        body: &impl Serialize,
        fields: &[Field<'_>],
    ) -> Result<Option<Self>, String> {
        let media_type = operation.media_type.unwrap_or_default();
        let has_file = fields.iter().any(|field| !field.files.is_empty());
        if !has_file && fields.iter().all(|field| field.text.is_none()) {
            return match operation.body_required {
                true => Err("the body has no fields: set at least one".to_owned()),
                false => Ok(None),
            };
        }
        let texts = fields.iter().filter_map(|field| Some((&*field.name, field.text.as_deref()?)));
        let form = match encoding {
            _ if !media_type.starts_with("multipart/") => Self::new(media_type, urlencoded(texts)),
            BodyEncoding::Described => multipart(fields),
            BodyEncoding::Json if has_file => {
                Err("a file cannot be sent as JSON: leave `body_encoding` at its default".to_owned())
            }
            BodyEncoding::Json => Self::json("application/json", body),
        };
        form.map(Some)
    }
}

/// One text part per field, then the files. The error is the message that says why a name or file was refused.
fn multipart(fields: &[Field<'_>]) -> Result<Encoded, String> {
    let content_type = content_type();
    let (_, boundary) = content_type.split_once('=').unwrap_or_default();
    let files = || fields.iter().flat_map(|field| field.files.iter().map(move |file| (&*field.name, file)));
    let file_size = files().map(|(_, file)| file.bytes.len()).sum::<usize>();
    let mut body = Vec::with_capacity(file_size + 512);
    let mut write = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| body.extend_from_slice(piece));
    for field in fields {
        let Some(text) = &field.text else { continue };
        let name = escape(&field.name)?;
        write(&[b"--", boundary.as_bytes(), DISPOSITION, name.as_bytes()]);
        write(&[b"\"\r\n\r\n", text.as_bytes(), b"\r\n"]);
    }
    for (name, FilePart { name: file_name, content_type, bytes }) in files() {
        if !is_media_type(content_type) {
            return Err(format!("`{name}`: {content_type:?} is not a content type, such as `image/png`"));
        }
        write(&[b"--", boundary.as_bytes(), DISPOSITION, escape(name)?.as_bytes()]);
        write(&[b"\"; filename=\"", escape(file_name)?.as_bytes()]);
        write(&[b"\"\r\nContent-Type: ", content_type.as_bytes(), b"\r\n\r\n", bytes, b"\r\n"]);
    }
    write(&[b"--", boundary.as_bytes(), b"--\r\n"]);
    Encoded::new(content_type, body)
}

const DISPOSITION: &[u8] = b"\r\nContent-Disposition: form-data; name=\"";

/// `type/subtype`, in characters that a header line can contain (RFC 9110, 8.3.1).
fn is_media_type(text: &str) -> bool {
    let is_line = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    is_line
        && text.split_once('/').is_some_and(|(kind, rest)| !kind.trim().is_empty() && !rest.trim().is_empty())
}

/// The boundary has 128 random bits, so no value contains it by chance or by guessing.
fn content_type() -> String {
    let random = RandomState::new();
    let [left, right] = [0, 1].map(|half| random.hash_one(half));
    format!("multipart/form-data; boundary=form-{left}{right}")
}

/// Escapes the name of a field or file as browsers do (WHATWG HTML, "multipart/form-data encoding algorithm").
///
/// A name that parsers read differently is refused: to some, a backslash escapes the quotation mark that ends the name.
fn escape(name: &str) -> Result<Cow<'_, str>, String> {
    let is_ambiguous = |c: char| c == '\\' || (c.is_control() && !matches!(c, '\r' | '\n'));
    if name.contains(is_ambiguous) {
        return Err(format!(
            "{name:?} cannot be a name in a form: it has a backslash or a control character"
        ));
    }
    if !name.contains(['"', '\r', '\n']) {
        return Ok(name.into());
    }
    Ok(name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, text: &str) -> Field<'static> {
        Field { name: name.to_owned().into(), text: Some(text.to_owned()), files: &[] }
    }

    #[test]
    fn each_form_has_a_boundary_of_its_own() {
        assert_ne!(content_type(), content_type());
    }

    #[test]
    fn a_field_name_cannot_leave_its_header() {
        let form = multipart(&[text("a\"\r\nX-Evil: 1\r\n\r\n", "")]).expect("a form");
        let form = std::str::from_utf8(&form.bytes).expect("text");
        assert!(form.contains("name=\"a%22%0D%0AX-Evil: 1%0D%0A%0D%0A\"\r\n\r\n"), "{form}");
    }

    #[cfg(feature = "mock")]
    mod read_back {
        use proptest::prelude::*;

        use super::*;

        /// Each part's name, file name and bytes, as an independent parser reads them.
        fn parts(form: &Encoded) -> Vec<(String, Option<String>, Vec<u8>)> {
            let boundary =
                multer::parse_boundary(form.content_type.to_str().expect("text")).expect("a boundary");
            let body = http_body_util::BodyDataStream::new(http_body_util::Full::new(form.bytes.clone()));
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                let mut parsed = multer::Multipart::new(body, boundary);
                let mut parts = Vec::new();
                while let Some(part) = parsed.next_field().await.expect("a form") {
                    let name = part.name().expect("a name").to_owned();
                    let file_name = part.file_name().map(str::to_owned);
                    parts.push((name, file_name, part.bytes().await.expect("bytes").to_vec()));
                }
                parts
            })
        }

        #[test]
        fn each_text_is_read_back_by_an_independent_parser() {
            let texts = [
                "aute ".to_owned(),
                String::new(),
                "\r\n--boundary--\r\n".to_owned(),
                "--x\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nstop\r\n--x--".to_owned(),
                "quotes \" ' and \\, CR LF \r\n, NUL \0, 🎥 Köln".to_owned(),
                "a\r\n".repeat(350_000),
            ];
            let fields =
                texts.iter().enumerate().map(|(number, value)| text(&format!("field {number}"), value));
            let form = multipart(&fields.collect::<Vec<_>>()).expect("a form");
            let sent = texts.into_iter().enumerate();
            let sent = sent.map(|(number, value)| (format!("field {number}"), None, value.into_bytes()));
            assert!(parts(&form) == sent.collect::<Vec<_>>());
        }

        proptest! {
            #[test]
            fn each_name_is_read_back_or_refused(
                name in prop_oneof![any::<String>(), "[a\\\\;=\" é%/.]{1,4}"],
                file_name in prop_oneof![any::<String>(), "[a\\\\;=\" é%/.]{1,4}"],
            ) {
                let file = FilePart::new(file_name.as_str(), "image/png", "x");
                let fields = [text(&name, "y"), Field::files(&name, file.as_slice())];
                if let Ok(form) = multipart(&fields) {
                    let [name, file_name] = [name, file_name].map(|name| escape(&name).expect("a name").into_owned());
                    let expected = [(name.clone(), None, b"y".to_vec()), (name, Some(file_name), b"x".to_vec())];
                    prop_assert_eq!(parts(&form), expected);
                } else {
                    prop_assert!((name + &file_name).contains(|c: char| c == '\\' || c.is_control()));
                }
            }

            #[test]
            fn fields_and_files_are_read_back(
                fields in prop::collection::vec(("[a-zé0-9 ._-]{1,12}", any::<String>()), 0..4),
                files in prop::collection::vec(("[a-z]{1,9}", prop::collection::vec(any::<u8>(), 0..80)), 0..3),
            ) {
                let sent = fields.iter().map(|(name, value)| (name.clone(), None, value.clone().into_bytes()));
                let file_name = "a.bin".to_owned();
                let sent = sent.chain(
                    files.iter().map(|(name, bytes)| (name.clone(), Some(file_name.clone()), bytes.clone())),
                );
                let files: Vec<(&str, FilePart)> = (files.iter())
                    .map(|(name, bytes)| (&**name, FilePart::new("a.bin", "application/octet-stream", bytes.clone())))
                    .collect();
                let form: Vec<Field<'_>> = (fields.iter())
                    .map(|(name, value)| text(name, value))
                    .chain(files.iter().map(|(name, file)| Field::files(name, file.as_slice())))
                    .collect();
                prop_assert_eq!(parts(&multipart(&form).expect("a form")), sent.collect::<Vec<_>>());
            }
        }
    }
}
