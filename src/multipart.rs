//! A typed body → `multipart/form-data` (RFC 7578), in one buffer of known length.
//!
//! `reqwest::multipart::Form` becomes a stream, which can be neither measured nor sent a second time.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use crate::body::Parts;
use crate::fields::Field;
use crate::file::FilePart;

/// The body and the boundary that parts it.
pub(crate) struct Form {
    pub boundary: String,
    pub body: Vec<u8>,
}

/// One text part per field, then the files. An error is the sentence that refuses a file.
pub(crate) fn encode<'f>(
    fields: impl Iterator<Item = Field<'f>> + Clone,
    files: &'f [Parts<'f>],
) -> Result<Form, String> {
    let parts = || files.iter().flat_map(|(name, files)| files.iter().map(move |file| (*name, file)));
    if let Some((name, file)) = parts().find(|(_, file)| !is_media_type(&file.content_type)) {
        return Err(format!("`{name}`: {:?} is not a content type, such as `image/png`", file.content_type));
    }
    let draw = || RandomState::new().build_hasher().finish();
    let boundary = boundary_outside(fields.clone(), parts().map(|(_, file)| &*file.bytes), draw);
    let size = |(name, text): Field<'_>| boundary.len() + name.len() + text.len() + 64;
    let file_size = |(name, file): (&str, &FilePart)| {
        size((name, "")) + file.name.len() + file.content_type.len() + file.bytes.len() + 32
    };
    let sizes = fields.clone().map(size).sum::<usize>() + parts().map(file_size).sum::<usize>();
    let mut body = Vec::with_capacity(sizes + boundary.len() + 8);
    let mut write = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| body.extend_from_slice(piece));
    for (name, text) in fields {
        let name = escape(name);
        write(&[
            b"--",
            boundary.as_bytes(),
            DISPOSITION,
            name.as_bytes(),
            b"\"\r\n\r\n",
            text.as_bytes(),
            b"\r\n",
        ]);
    }
    for (name, file) in parts() {
        let (name, file_name) = (escape(name), escape(&file.name));
        write(&[
            b"--",
            boundary.as_bytes(),
            DISPOSITION,
            name.as_bytes(),
            b"\"; filename=\"",
            file_name.as_bytes(),
        ]);
        write(&[b"\"\r\nContent-Type: ", file.content_type.as_bytes(), b"\r\n\r\n", &file.bytes, b"\r\n"]);
    }
    write(&[b"--", boundary.as_bytes(), b"--\r\n"]);
    Ok(Form { boundary, body })
}

const DISPOSITION: &[u8] = b"\r\nContent-Disposition: form-data; name=\"";

/// `type/subtype`, in what a header line can carry (RFC 9110, 8.3.1).
fn is_media_type(text: &str) -> bool {
    let is_line = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    is_line
        && text.split_once('/').is_some_and(|(kind, rest)| !kind.trim().is_empty() && !rest.trim().is_empty())
}

/// A boundary that no value holds: drawn, looked for, and drawn again if it is there.
fn boundary_outside<'f>(
    fields: impl Iterator<Item = Field<'f>> + Clone,
    files: impl Iterator<Item = &'f [u8]> + Clone,
    mut draw: impl FnMut() -> u64,
) -> String {
    loop {
        let boundary = format!("zoom-livestream-{:016x}", draw());
        // A search for the whole boundary costs its preparation; most texts hold not even a hyphen.
        let holds = |text: &str| text.contains('-') && text.contains(&boundary);
        let in_file =
            |bytes: &[u8]| bytes.windows(boundary.len()).any(|window| window == boundary.as_bytes());
        if !fields.clone().any(|(name, text)| holds(text) || holds(name)) && !files.clone().any(in_file) {
            return boundary;
        }
    }
}

/// As browsers escape a field's name (WHATWG HTML, "multipart/form-data encoding algorithm").
fn escape(name: &str) -> std::borrow::Cow<'_, str> {
    if !name.contains(['"', '\r', '\n']) {
        return name.into();
    }
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_that_stands_in_a_value_is_drawn_again() {
        let fields = [("text", "--zoom-livestream-0000000000000001--\r\n")];
        let mut drawn = 0;
        let file = b"zoom-livestream-0000000000000002".as_slice();
        let boundary = boundary_outside(fields.into_iter(), [file].into_iter(), || {
            drawn += 1;
            drawn
        });
        assert_eq!(boundary, "zoom-livestream-0000000000000003");
    }

    #[cfg(feature = "mock")]
    #[tokio::test]
    async fn each_text_comes_back_from_a_parser_that_is_not_ours() {
        let texts = [
            "aute ".to_owned(),
            String::new(),
            "\r\n--zoom-livestream-0000000000000000--\r\n".to_owned(),
            "--x\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nstop\r\n--x--".to_owned(),
            "quotes \" ' and \\, CR LF \r\n, NUL \0, 🎥 Köln".to_owned(),
            "a\r\n".repeat(350_000),
        ];
        let names: Vec<String> = (0..texts.len()).map(|number| format!("field {number}")).collect();
        let fields: Vec<Field<'_>> =
            names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let form = encode(fields.iter().copied(), &[]).expect("a form");
        let stream =
            http_body_util::BodyDataStream::new(http_body_util::Full::new(bytes::Bytes::from(form.body)));
        let mut parsed = multer::Multipart::new(stream, form.boundary);
        for (name, text) in fields {
            let field = parsed.next_field().await.expect("a form").expect("a field");
            assert_eq!(field.name(), Some(name));
            assert!(field.text().await.expect("text") == text, "{name}");
        }
        assert!(parsed.next_field().await.expect("a form").is_none());
    }

    #[test]
    fn two_forms_have_two_boundaries() {
        let boundary = || encode(std::iter::empty(), &[]).expect("a form").boundary;
        assert_ne!(boundary(), boundary());
    }

    #[test]
    fn a_field_name_cannot_leave_its_header() {
        let form = encode([("a\"\r\nX-Evil: 1\r\n\r\n", "")].into_iter(), &[]).expect("a form");
        let text = String::from_utf8(form.body).expect("text");
        assert!(text.contains("name=\"a%22%0D%0AX-Evil: 1%0D%0A%0D%0A\"\r\n\r\n"), "{text}");
    }
}
