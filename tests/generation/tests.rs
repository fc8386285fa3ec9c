//! What the generator refuses, and what becomes of everything that it takes.

// The build script uses it too.
#[allow(dead_code)]
mod fixtures;

use std::collections::BTreeMap;
use std::future::Future;

use generated::create_thing::{self, InnerKind};
use generated::{Client, Error, FilePart, ResponseValue, change_part, list_things};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn outcomes() -> BTreeMap<String, Result<String, String>> {
    serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/outcomes.json"))).expect("JSON")
}

#[test]
fn what_cannot_be_generated_is_refused_by_its_place_in_one_sentence() {
    let outcomes = outcomes();
    for (pointer, value, words) in fixtures::REFUSED {
        let sentence = outcomes[&format!("{pointer} {value}")].as_ref().expect_err(words);
        assert!(sentence.contains(words), "{pointer} {value}: {sentence}");
        assert!(sentence.starts_with("spec/openapi.json: ") && !sentence.contains('\n'), "{sentence}");
        assert!(sentence.contains("in spec/overlay.json") || *words == "duplicate operation ID", "{sentence}");
    }
    for name in ["the least", "committed"] {
        assert!(outcomes[name].is_ok(), "{name}: {:?}", outcomes[name]);
    }
}

/// The operations' names must not hide anything of the layer, which the generator does not see.
#[test]
fn every_name_of_the_layer_that_an_operation_could_hide_is_taken() {
    let read = |file: &str| {
        std::fs::read_to_string(format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"))).expect("a source file")
    };
    let (names, lib) = (read("spec/generation/append.rs"), read("src/lib.rs"));
    let taken = names.split("TAKEN: &str = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("names");
    let taken: Vec<&str> = taken.split([' ', '\n', '\\']).collect();
    let of_line = |line: &str, keyword: &str| {
        Some(line.split_once(keyword)?.1.split(['(', ';', ' ', '<', '{']).next()?.to_owned())
    };
    let modules = lib.lines().filter(|line| !line.starts_with("//")).filter_map(|line| of_line(line, "mod "));
    let mut needed: Vec<String> = modules.collect();
    for file in std::fs::read_dir(format!("{}/../../src", env!("CARGO_MANIFEST_DIR"))).expect("a folder") {
        let path = file.expect("a file").path();
        let Ok(code) = std::fs::read_to_string(&path) else { continue };
        let blocks = code.split("\nimpl Client {").skip(1).filter_map(|block| block.split("\n}").next());
        let lines = blocks.flat_map(str::lines).filter(|line| !line.trim_start().starts_with("//"));
        needed.extend(lines.filter_map(|line| of_line(line, "fn ")));
    }
    assert!(needed.iter().any(|name| name == "with_retry") && needed.iter().any(|name| name == "auth"), "{needed:?}");
    for name in needed {
        assert!(taken.contains(&&*name), "`{name}` is missing in append.rs");
    }
}

#[test]
fn code_in_a_description_is_not_a_doc_test() {
    let client = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    // On the method; and on the field, its builder's setter and the call's setter.
    assert_eq!(client.matches("\n\n   indented\n\n```text\nfenced\n```").count(), 4);
    assert_eq!(client.matches("indented").count(), 4);
}

#[test]
fn a_value_or_description_that_reads_like_progenitors_code_is_kept() {
    let client = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    assert!(client.contains("\"client: client\" => Ok(Self::ClientClient)"));
    assert!(client.contains("A pub async fn send."));
}

/// What one call sends, and what it returns for this answer: the request line, the content type, the body.
async fn call<T: Future>(answer: (u16, &str), call: impl FnOnce(Client) -> T) -> ([String; 3], T::Output) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let client = Client::builder().base_url(url).access_token("token").build().expect("a client");
    let serve = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
        let (head, body) = loop {
            let length = stream.read(&mut buffer).await.expect("bytes");
            read.extend_from_slice(&buffer[..length]);
            let text = String::from_utf8_lossy(&read).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = header(head, "content-length").parse().unwrap_or(0);
            if read.len() - head.len() - 4 >= length {
                break (head.to_owned(), body.to_owned());
            }
        };
        let (status, text) = answer;
        let length = text.len();
        let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{text}");
        stream.write_all(answer.as_bytes()).await.expect("sent");
        let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
        [line, header(&head, "content-type"), body]
    };
    tokio::join!(serve, call(client))
}

fn header(head: &str, name: &str) -> String {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map_or(String::new(), |(_, value)| value.to_owned())
}

/// The error of a call that was refused before it was sent.
async fn refused<T>(call: impl IntoFuture<Output = Result<T, Error>>) -> String {
    let error = call.await.err().expect("refused");
    assert!(!error.may_have_been_sent());
    error.to_string()
}

fn client() -> Client {
    Client::builder().base_url("http://127.0.0.1:1").access_token("token").build().expect("a client")
}

#[tokio::test]
async fn a_query_has_a_pair_for_each_value_and_an_answer_keeps_what_is_not_described() {
    let answer =
        json!([{ "id": 1, "kind": "new", "parts": [{ "key": "k", "more": 1 }], "ratio": null, "other": true }]);
    let answer = answer.to_string();
    let (request, things) = call((200, &answer), |zoom| {
        let call = zoom.list_things().text("a b").count(2).ratio(0.5).on(true).kind("c").type_("t");
        call.list(vec!["x".to_owned(), "y&z".to_owned()]).into_future()
    })
    .await;
    let query = "count=2&kind=c&list=x&list=y%26z&on=true&ratio=0.5&text=a+b&type=t";
    assert_eq!(request, [format!("GET /v1/things?{query}"), String::new(), String::new()]);
    let thing = &things.expect("200")[0];
    assert_eq!(thing.kind.as_deref(), Some("new"));
    assert!(thing.extra["other"] == true && thing.parts[0].extra["more"] == 1);
    assert_eq!(thing.parts[0].key.as_ref().expect("a key").expose(), "k");
}

#[tokio::test]
async fn a_json_body_is_sent_as_it_was_set_and_an_empty_success_is_none() {
    let make = |zoom: Client| {
        let inner = create_thing::Inner::builder().a_b(1).kind(InnerKind::BurntIn);
        let call = zoom.create_thing().name("thing").inner(inner).list(vec![]).ratio(2).any(json!([1]));
        // The last two are names of the layer as well.
        call.foo_bar("x").body_map(|body| body.send(true)).query(true).parameter(false).into_future()
    };
    let sent = r#"{"any":[1],"fooBar":"x","inner":{"a-b":1,"kind":"burnt-in"},"list":[],"name":"thing","parameter":false,"query":true,"ratio":2.0,"send":true}"#;
    for (answer, id) in [((201, r#"{"id":7}"#), Some(7)), ((204, ""), None), ((200, ""), None)] {
        let (request, made) = call(answer, make).await;
        assert_eq!(request, ["POST /v1/things", "application/json", sent]);
        let made: Option<create_thing::Response> = made.expect("a success");
        assert_eq!(made.and_then(|made| made.id), id);
    }
}

#[tokio::test]
async fn an_empty_success_where_json_is_promised_is_an_error_that_says_so() {
    let (_, listed) = call((200, ""), |zoom| zoom.list_things().type_("t").into_future()).await;
    let error = listed.expect_err("no list").to_string();
    assert!(error.contains("HTTP 200; its body does not match the description: "), "{error}");
}

#[tokio::test]
async fn a_form_has_a_part_for_each_item_and_each_file() {
    let (request, changed) = call((204, ""), |zoom| {
        let room = change_part::RoomsItem::builder().size(2).try_into();
        let room: change_part::RoomsItem = room.expect("a room");
        let file = |name: &str| FilePart::new(name, "image/png", name.to_owned());
        let call = zoom.change_part().meeting_id(84912345678).part("a b").action(change_part::Action::Stop);
        let call = call.names(vec!["a".into(), "b".into()]).rooms(vec![room]).key("k");
        call.file(file("f")).files(vec![file("g"), file("h")]).send()
    })
    .await;
    let changed: ResponseValue<()> = changed.expect("204");
    assert_eq!(changed.status().map(|status| status.as_u16()), Some(204));
    let [line, content_type, body] = request;
    assert_eq!(line, "PATCH /v1/things/84912345678/a%20b.json");
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").expect("a form");
    let body = body.replace(boundary, "B").replace("\r\n", "\n").replace("--B\nContent-Disposition: form-data; ", "");
    let expected = "name=\"action\"\n\nstop\n\
        name=\"file\"; filename=\"f\"\nContent-Type: image/png\n\nf\n\
        name=\"files\"; filename=\"g\"\nContent-Type: image/png\n\ng\n\
        name=\"files\"; filename=\"h\"\nContent-Type: image/png\n\nh\n\
        name=\"key\"\n\nk\nname=\"names\"\n\na\nname=\"names\"\n\nb\nname=\"rooms\"\n\n{\"size\":2}\n--B--\n";
    assert_eq!(body, expected);
}

#[tokio::test]
async fn other_methods_and_bodies_are_sent_too() {
    let (request, deleted) = call((200, ""), |zoom| zoom.delete_part().meeting_id(1).part("p").into_future()).await;
    assert_eq!((request[0].as_str(), deleted.expect("200")), ("DELETE /v1/things/1/p.json", ()));
    let body = serde_json::Map::from_iter([("a".to_owned(), json!([null]))]);
    let (request, text) =
        call((200, "\"done\""), |zoom| zoom.replace_part().meeting_id(1).part("p").body(body).into_future()).await;
    assert_eq!(request, ["PUT /v1/things/1/p.json", "application/json", r#"{"a":[null]}"#]);
    assert_eq!(text.expect("200"), "done");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_its_name() {
    let change = || client().change_part().meeting_id(1).part("p");
    let create = || client().create_thing().name("thing");
    let inner = || create_thing::Inner::builder().a_b(1);
    for (sentence, words) in [
        (refused(client().list_things()).await, "`type_` is required and was not set"),
        (refused(client().list_things().type_("t").ratio(f64::NAN)).await, "`ratio`: NaN is not a number in JSON"),
        (refused(create().inner(inner()).ratio(f64::INFINITY)).await, "`ratio`: inf is not a number in JSON"),
        (refused(create()).await, "`inner` is required and was not set"),
        (refused(create().inner(create_thing::Inner::builder())).await, "`inner.a_b` is required"),
        (refused(create().inner(inner().kind("Off"))).await, "it must be one of `burnt-in`, `off`"),
        (
            refused(create().inner(inner()).name("too long")).await,
            "`name` has 8 characters, but Zoom accepts at most 5",
        ),
        (refused(client().change_part().meeting_id(1).part("")).await, "empty, `.` or `..`"),
        (refused(change().names(vec!["four".into()])).await, "`names[]` has 4 characters"),
        (refused(change().names(vec![])).await, "`names` is an empty list, which a form cannot carry"),
        (refused(client().change_part().meeting_id("x").part("p")).await, "`meeting_id`: \"x\" is not a meeting ID"),
    ] {
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn an_answer_is_built_without_what_is_optional_and_compared() {
    let thing: list_things::Item = list_things::Item::builder().id(1).parts(vec![]).try_into().expect("no `extra`");
    let read: list_things::Item = serde_json::from_str(r#"{"id": 1, "parts": []}"#).expect("a thing");
    assert_eq!(thing, read);
    let next = create_thing::Next::builder().id(2);
    let itself = create_thing::ResponseSelf::builder().id(3);
    let made = create_thing::Response::builder().next(next).self_(itself);
    let made: create_thing::Response = made.try_into().expect("nested");
    assert_eq!((made.next.and_then(|next| next.id), made.self_.and_then(|itself| itself.id)), (Some(2), Some(3)));
}
