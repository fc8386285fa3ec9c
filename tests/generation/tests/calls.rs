//! Calls the client of `everything.json` against the embedded server.

use generated::mock::{Answer, MockServer, Received};
use generated::types::{SendAlikeBodyX, SendAlikeBodyXy2};
use generated::{
    BodyEncoding, Client, ErrorKind, FilePart, Secret, send_alike, send_fields, send_headers, send_query,
};
use serde_json::{Value, json};

async fn server() -> MockServer {
    let description = include_str!("../everything.json");
    MockServer::builder().description(description).start().await.expect("the embedded server")
}

fn client(server: &MockServer) -> Client {
    let client = Client::builder().base_url(server.base_url()).access_token(server.access_token());
    client.build().expect("a client")
}

fn last(server: &MockServer) -> Received {
    let received = server.requests().pop().expect("a request");
    assert!(received.status.is_some_and(|status| status < 300), "{received:?}");
    received
}

/// Name, file name, content type and bytes of each part of a `multipart/form-data` body.
type Part = (Option<String>, Option<String>, Option<String>, Vec<u8>);

async fn parts(request: Received) -> Vec<Part> {
    let content_type = request.content_type.as_deref().expect("a content type");
    let boundary = multer::parse_boundary(content_type).expect("a boundary");
    let stream = http_body_util::BodyDataStream::new(http_body_util::Full::new(request.body.clone()));
    let mut form = multer::Multipart::new(stream, boundary);
    let mut parts = Vec::new();
    while let Some(part) = form.next_field().await.expect("a form") {
        let name = part.name().map(str::to_owned);
        let file_name = part.file_name().map(str::to_owned);
        let content_type = part.content_type().map(ToString::to_string);
        parts.push((name, file_name, content_type, part.bytes().await.expect("bytes").to_vec()));
    }
    parts
}

#[tokio::test]
async fn a_query_is_sent_in_the_documented_style() {
    let server = server().await;
    let zoom = client(&server);
    let call = || zoom.send_query().plain("a b&c=ü+");
    let plain = "plain=a%20b%26c%3D%C3%BC%2B";
    let texts = || vec!["x,y".to_owned(), "z".to_owned()];
    let plain_texts = || vec!["x".to_owned(), "z".to_owned()];
    for (call, query) in [
        (call(), ""),
        (call().ids(vec![1, 2]), "&ids=1&ids=2"),
        (call().ids(Vec::new()), ""),
        (call().tags(texts()), "&tags=x%2Cy,z"),
        (call().spaced(texts()), "&spaced=x%2Cy%20z"),
        (call().piped(plain_texts()), "&piped=x%7Cz"),
        (call().deep(send_query::Deep::builder().x(1).y(2)), "&deep%5Bx%5D=1&deep%5By%5D=2"),
        (call().deep(send_query::Deep::builder().y(2)), "&deep%5By%5D=2"),
        (call().flat(send_query::Flat::builder().r(1).g(2)), "&g=2&r=1"),
        (call().pairs(send_query::Pairs::builder().x(1).y(2)), "&pairs=x,1,y,2"),
        (call().flag(true), "&flag=true"),
        (call().sort(send_query::Sort::Oldest), "&sort=oldest"),
        (call().filter(json!({ "a": 1 })), "&filter=%7B%22a%22%3A1%7D"),
        (call().sort("invalid value"), "&sort=invalid%20value"),
        (call().spread(vec![1, 2]), "&spread=1&spread=2"),
        (call().near(generated::types::Point::builder().x(1).y(2)), "&near%5Bx%5D=1&near%5By%5D=2"),
        (call().page(3), "&page=3"),
    ] {
        call.await.expect("a total");
        let sent = last(&server).query.expect("a query");
        let expected = format!("{plain}{query}");
        assert_eq!(sent, expected);
    }
}

#[tokio::test]
async fn a_value_that_would_arrive_changed_is_refused() {
    let server = server().await;
    let zoom = client(&server);
    let texts = |text: &str| vec![text.to_owned()];
    let query = || zoom.send_query().plain("");
    for (error, words) in [
        (query().spaced(texts("a b")).await.map(drop), "`spaced` has a value that contains ` `"),
        (query().piped(texts("a|b")).await.map(drop), "`piped` has a value that contains `|`"),
        (
            zoom.send_headers().item_id("1").x_own(1).x_list(texts("a,b")).await,
            "`X-List` has a value that contains `,`",
        ),
        (
            zoom.send_headers().item_id("1").x_own(1).x_shared("a\r\nX-Evil: 1").await,
            "`X-Shared` contains a character that is not allowed in a header",
        ),
        (zoom.send_headers().x_own(1).await, "`item_id` is required and was not set"),
        (zoom.send_headers().item_id("1").await, "`x_own` is required and was not set"),
        (zoom.send_query().await.map(drop), "`plain` is required and was not set"),
    ] {
        let error = error.expect_err(words);
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn headers_and_cookies_are_sent_under_their_documented_names() {
    let server = server().await;
    let zoom = client(&server);
    let call = zoom.send_headers().item_id("a/b").x_own(7).x_shared("shared");
    let call = call.x_served_by("one").header_x_served_by("two").x_key("k3y");
    let call = call.x_list(vec!["a".to_owned(), "b c".to_owned()]);
    let call = call.x_exploded(send_headers::XExploded::builder().x(1).y(2));
    let call = call.x_pairs(send_headers::XPairs::builder().x(1).y(2));
    call.session("a;b").choices(vec!["x".to_owned(), "y,z".to_owned()]).await.expect("sent");
    let request = last(&server);
    assert_eq!(request.path, "/v1/headers/a%2Fb");
    for (name, value) in [
        ("x-own", "7"),
        ("x-shared", "shared"),
        ("x-served-by", "one"),
        ("x-servedby", "two"),
        ("x-key", "k3y"),
        ("x-list", "a,b c"),
        ("x-exploded", "x=1,y=2"),
        ("x-pairs", "x,1,y,2"),
        ("accept", "application/json"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    let mut cookies: Vec<&str> = request.header("cookie").expect("cookies").split("; ").collect();
    cookies.sort_unstable();
    assert_eq!(cookies, ["choices=x,y%2Cz", "session=a%3Bb"]);
    assert_eq!(request.header("api-version"), None);
}

#[tokio::test]
async fn an_operation_without_its_own_parameter_uses_the_paths() {
    let server = server().await;
    let zoom = client(&server);
    zoom.send_shared_headers().item_id("1").x_own("text").x_shared("s").await.expect("sent");
    let request = last(&server);
    assert_eq!((request.header("x-own"), request.header("x-shared")), (Some("text"), Some("s")));
    zoom.send_shared_headers().item_id("1").await.expect("sent");
    assert_eq!(last(&server).header("x-own"), None);
}

#[tokio::test]
async fn parameters_with_reserved_or_taken_names_are_sent_under_their_documented_names() {
    let server = server().await;
    let call = client(&server).send_names();
    let call = call.self_("1").query_self("2").type_("3").move_("4").query_body("5").query_body_map("6");
    let call = call.query_client("7").query_clone("8").query_new("9").request("10").purpose("11").path("12");
    let call = call.parameters("13").refused("14").answer("15").a_b("16").query_a_b("17").x1st("18");
    call.größe("19").query_into_future("20").send("21").await.expect("sent");
    let query = last(&server).query.expect("a query");
    let url = format!("http://h/?{query}").parse::<reqwest::Url>().expect("a URL");
    let sent: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("self", "1"),
        ("Self", "2"),
        ("type", "3"),
        ("move", "4"),
        ("body", "5"),
        ("body_map", "6"),
        ("client", "7"),
        ("clone", "8"),
        ("new", "9"),
        ("request", "10"),
        ("purpose", "11"),
        ("path", "12"),
        ("parameters", "13"),
        ("refused", "14"),
        ("answer", "15"),
        ("a-b", "16"),
        ("a_b", "17"),
        ("1st", "18"),
        ("größe", "19"),
        ("into_future", "20"),
        ("send", "21"),
    ] {
        assert!(sent.contains(&(name.to_owned(), value.to_owned())), "{name}: {query}");
    }
}

#[tokio::test]
async fn a_path_parameter_has_the_plain_name_on_each_operation_of_a_path() {
    let server = server().await;
    let zoom = client(&server);
    zoom.get_owned().id("1").query_id("2").await.expect("sent");
    let request = last(&server);
    assert_eq!((&*request.path, request.query.as_deref()), ("/v1/owned/1", Some("id=2")));
    zoom.delete_owned().id("1").await.expect("sent");
}

#[tokio::test]
async fn fields_with_names_that_the_generator_uses_itself_are_sent() {
    let server = server().await;
    let zoom = client(&server);
    zoom.send_flattened().x_flatten("1").layers(true).await.expect("sent");
    let expected = json!({ "x-flatten": "1", "layers": true });
    assert_eq!(serde_json::from_slice::<Value>(&last(&server).body).expect("JSON"), expected);
    let error = zoom.send_required_extra().b("1").await.expect_err("`extra` is required").to_string();
    assert!(error.contains("`body.extra` is required and was not set"), "{error}");
    server.answer(Answer::status(204));
    zoom.send_required_extra().b("1").extra("2").await.expect("sent");
    let expected = json!({ "b": "1", "extra": "2" });
    assert_eq!(serde_json::from_slice::<Value>(&last(&server).body).expect("JSON"), expected);
}

#[tokio::test]
async fn an_optional_body_without_a_field_is_left_out() {
    let server = server().await;
    let zoom = client(&server);
    zoom.send_optional().await.expect("sent");
    let request = last(&server);
    assert_eq!((request.content_type, &*request.body), (None, b"".as_slice()));
    zoom.send_optional().a("1").await.expect("sent");
    assert_eq!(&*last(&server).body, br#"{"a":"1"}"#);
}

#[tokio::test]
async fn fields_with_reserved_or_similar_names_are_sent_and_read_under_their_documented_names() {
    let server = server().await;
    let zoom = client(&server);
    let call =
        zoom.send_fields().type_(send_fields::Type::SelfMade).a_b("1").a_b_2("2").self_("3").self_2("4");
    let call =
        call.x_served_by("5").x_served_by_2("6").extra_2("7").plus1("8").minus1("9").move_("10").kind("a_b");
    let call = call.other("+").é("11");
    let call = call
        .body_map(|body| body.body("12").clone("13").new("14").body_map("15").into_future("16").client("17"));
    let expected = json!({
        "type": "Self-made", "a-b": "1", "a_b": "2", "Self": "3", "self": "4", "X-Served-By": "5", "X-ServedBy": "6",
        "extra": "7", "+1": "8", "-1": "9", "move": "10", "kind": "a_b", "other": "+", "é\"\\": "11", "body": "12",
        "clone": "13", "new": "14", "body_map": "15", "into_future": "16", "client": "17",
    });
    let mut answer = expected.clone();
    answer["unknown"] = 1.into();
    server.answer(Answer::status(200).json(&answer));
    let answered = call.await.expect("an answer");
    assert_eq!(serde_json::from_slice::<Value>(&last(&server).body).expect("JSON"), expected);
    assert_eq!((answered.x_served_by.as_deref(), answered.x_served_by_2.as_deref()), (Some("5"), Some("6")));
    assert_eq!((answered.a_b.as_str(), answered.extra_2.as_deref()), ("1", Some("7")));
    assert_eq!(answered.extra.get("unknown"), Some(&json!(1)));
}

#[tokio::test]
async fn types_with_the_same_name_or_title_stay_distinct() {
    let server = server().await;
    let nested = SendAlikeBodyX::builder().y(send_alike::Xy::builder().q("q"));
    let call = client(&server).send_alike().x_y(SendAlikeBodyXy2::builder().p("p")).x(nested);
    let node = generated::types::Node2::builder().name("n").children(vec![]);
    let item: send_alike::ListItem = send_alike::ListItem::builder().r("r").try_into().expect("an item");
    let call = call
        .node(node)
        .list(vec![item])
        .maybe(send_alike::Maybe::builder().m("m"))
        .error(generated::types::ConversionError2::builder().a("a"))
        .some("ok")
        .any(json!([1]));
    server.answer(Answer::status(200).json(&json!({ "Same": "s", "else": 1 })));
    let answer = call.await.expect("an answer");
    assert_eq!((answer.same.as_deref(), answer.extra.get("else")), (Some("s"), Some(&json!(1))));
    let expected = json!({
        "x_y": { "p": "p" }, "x": { "y": { "q": "q" } }, "node": { "name": "n" }, "list": [{ "r": "r" }],
        "maybe": { "m": "m" }, "some": "ok", "any": [1], "error": { "a": "a" },
    });
    assert_eq!(serde_json::from_slice::<Value>(&last(&server).body).expect("JSON"), expected);
}

#[tokio::test]
async fn a_form_is_url_encoded() {
    let server = server().await;
    let zoom = client(&server);
    zoom.send_form().title("a b&c=ü").count(2).key("k3y").await.expect("sent");
    let request = last(&server);
    assert_eq!(request.content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    assert_eq!(std::str::from_utf8(&request.body), Ok("count=2&key=k3y&title=a+b%26c%3D%C3%BC"));
    let error = zoom.send_form().title("x".repeat(21)).await.expect_err("too long");
    assert!(error.to_string().contains("`title` has 21 characters, but Zoom accepts at most 20"), "{error}");
    let error = zoom.send_form().await.expect_err("no title");
    assert!(error.to_string().contains("`body.title` is required and was not set"), "{error}");
}

#[tokio::test]
async fn a_length_is_checked_wherever_it_is_described() {
    let server = server().await;
    let zoom = client(&server);
    let titled = |title: &str| generated::types::Titled::builder().title(title);
    let branch = |label: &str| -> generated::types::Branch {
        generated::types::Branch::builder().label(label).try_into().expect("a branch")
    };
    let call = || zoom.send_lengths();
    for (call, refusal) in [
        (call().word("12".to_owned()), "`word` has 2 characters"),
        (call().key(Secret::from("123")), "`key` has 3 characters"),
        (call().titled(titled("1234")), "`titled.title` has 4 characters"),
        (call().described(titled("1234")), "`described.title` has 4 characters"),
        (call().branch(branch("12345")), "`branch.label` has 5 characters"),
    ] {
        let error = call.await.expect_err(refusal).to_string();
        assert!(error.contains(refusal), "{error}");
    }
    for (call, refusal) in [
        (zoom.send_combined_lengths().title("1234"), "`title` has 4 characters"),
        (zoom.send_combined_lengths().more("123456"), "`more` has 6 characters"),
        (
            zoom.send_combined_lengths().both("1234".to_owned()),
            "`both` has 4 characters, but Zoom accepts at most 3",
        ),
    ] {
        let error = call.await.expect_err(refusal).to_string();
        assert!(error.contains(refusal), "{error}");
    }
    let texts = || vec!["1234".to_owned(), "12345".to_owned()];
    let named = |text: String| std::collections::HashMap::from([("a".to_owned(), text)]);
    let title = || -> generated::types::Titled { titled("1234").try_into().expect("a title") };
    let listed = || zoom.send_listed();
    for (call, refusal) in [
        (listed().tags(texts()), "`tags[]` has 5 characters, but Zoom accepts at most 4"),
        (listed().grid(vec![texts()]), "`grid[][]` has 5 characters"),
        (listed().labels(named("12345".to_owned())), "`labels[]` has 5 characters"),
        (listed().items(vec![title()]), "`items[].title` has 4 characters"),
        (
            listed().titles(std::collections::HashMap::from([("a".to_owned(), title())])),
            "`titles[].title` has 4 characters",
        ),
        (listed().words(vec!["12".to_owned().into()]), "`words[]` has 2 characters"),
        (listed().keys(vec![Secret::from("123").into()]), "`keys[]` has 3 characters"),
        (listed().gaps(vec![None, Some("12345".to_owned())]), "`gaps[]` has 5 characters"),
        (listed().extra(named("12345".to_owned())), "`body[]` has 5 characters"),
    ] {
        let error = call.await.expect_err(refusal).to_string();
        assert!(error.contains(refusal), "{error}");
    }
    assert_eq!(server.request_count(), 0);
    let call = zoom.send_lengths().titled(titled("123")).branch(branch("1234"));
    call.extra(std::collections::HashMap::from([("more".to_owned(), 1)])).await.expect("sent");
    let expected = json!({ "titled": { "title": "123" }, "branch": { "label": "1234" }, "more": 1 });
    assert_eq!(serde_json::from_slice::<Value>(&last(&server).body).expect("JSON"), expected);
}

#[tokio::test(start_paused = true)]
async fn files_are_sent_with_name_and_content_type_and_resent_in_full_after_a_429() {
    let server = server().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).chain(*b"\r\n--x--\r\n").collect();
    let picture = FilePart::new("m\"e.png", "image/png", bytes.clone());
    let call = client(&server).send_pictures().user_id("me").picture(picture).title("t");
    let attachments = vec![
        FilePart::new("a.txt", "text/plain", "a"),
        FilePart::new("b.txt", "text/plain; charset=utf-8", "b"),
    ];
    let settings = generated::send_pictures::Settings::builder().public(true);
    let call = call.attachments(attachments).settings(settings);
    server.answer(Answer::error(429, 429, "Too many."));
    call.await.expect("sent");
    let requests = server.requests();
    assert_eq!(requests.iter().map(|request| request.status).collect::<Vec<_>>(), [Some(429), Some(204)]);
    for request in requests {
        let parts = parts(request).await;
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(parts.len(), 5);
        assert_eq!(parts[0], (text("settings"), None, None, br#"{"public":true}"#.to_vec()));
        assert_eq!(parts[1], (text("title"), None, None, b"t".to_vec()));
        let attachment =
            |name: &str, kind: &str, byte: u8| (text("attachments"), text(name), text(kind), vec![byte]);
        assert!(parts.contains(&attachment("a.txt", "text/plain", b'a')));
        assert!(parts.contains(&attachment("b.txt", "text/plain; charset=utf-8", b'b')));
        assert!(parts.contains(&(text("picture"), text("m%22e.png"), text("image/png"), bytes.clone())));
    }
}

#[tokio::test]
async fn a_form_that_takes_unknown_fields_sends_them_beside_its_files() {
    let server = server().await;
    let extra = serde_json::Map::from_iter([("more".to_owned(), json!({ "a": 1 }))]);
    let picture = FilePart::new("me.png", "image/png", "png");
    let call = client(&server).send_open_picture().picture(picture).title("t");
    let error = call.clone().title("x".repeat(21)).await.expect_err("too long").to_string();
    assert!(error.contains("`title` has 21 characters"), "{error}");
    call.extra(extra).await.expect("sent");
    let text = |text: &str| Some(text.to_owned());
    let expected = [
        (text("title"), None, None, b"t".to_vec()),
        (text("more"), None, None, br#"{"a":1}"#.to_vec()),
        (text("picture"), text("me.png"), text("image/png"), b"png".to_vec()),
    ];
    assert_eq!(parts(last(&server)).await, expected);
}

#[tokio::test]
async fn a_file_that_cannot_be_sent_is_refused() {
    let server = server().await;
    let picture = |content_type: &str| FilePart::new("me.png", content_type, "png");
    for content_type in ["", "png", "image/", "image/png\r\nX-Evil: 1"] {
        let call = client(&server).send_pictures().user_id("me").picture(picture(content_type));
        let error = call.await.expect_err(content_type);
        assert!(error.to_string().contains("is not a content type, such as `image/png`"), "{error}");
    }
    let error = client(&server).send_pictures().user_id("me").title("t").await.expect_err("no picture");
    assert!(error.to_string().contains("`body.picture` is required and was not set"), "{error}");
    let json = Client::builder().base_url(server.base_url()).access_token(server.access_token());
    let json = json.body_encoding(BodyEncoding::Json).build().expect("a client");
    let error = json.send_pictures().user_id("me").picture(picture("image/png")).await.expect_err("JSON");
    assert!(error.to_string().contains("a file cannot be sent as JSON"), "{error}");
    assert_eq!(server.request_count(), 0);
}

#[tokio::test]
async fn raw_and_json_like_bodies_are_sent_as_documented() {
    let server = server().await;
    let zoom = client(&server);
    server.answer(Answer::status(200).header("content-type", "application/xml").body("<b/>"));
    let answer = zoom.send_xml().body("<a/>").await.expect("an answer");
    assert_eq!(answer.as_ref(), b"<b/>");
    let request = last(&server);
    assert_eq!(
        (request.content_type.as_deref(), &*request.body),
        (Some("application/xml"), b"<a/>".as_slice())
    );
    zoom.send_xml().body(vec![0xff, 0]).await.map(drop).ok();
    assert_eq!(&*last(&server).body, [0xff, 0]);
    server.answer(Answer::status(200).header("content-type", "application/octet-stream").body(vec![0, 0xff]));
    let answer = zoom.send_bytes().body(vec![0xff, 0]).await.expect("an answer");
    assert_eq!(answer.as_ref(), [0, 0xff]);
    let request = last(&server);
    assert_eq!(
        (request.content_type.as_deref(), &*request.body),
        (Some("application/octet-stream"), [0xff, 0].as_slice())
    );
    zoom.send_merge().a("1").await.expect("an answer");
    let request = last(&server);
    assert_eq!(request.content_type.as_deref(), Some("application/merge-patch+json"));
    assert_eq!(&*request.body, br#"{"a":"1"}"#);
}

#[tokio::test]
async fn each_kind_of_success_is_decoded() {
    let server = server().await;
    let zoom = client(&server);
    let a = || Answer::status(200).json(&json!({ "a": "1" }));
    server.answer(a());
    let answer = zoom.get_maybe().await.expect("an answer").expect("a body");
    assert_eq!(answer.a.as_deref(), Some("1"));
    server.answer(Answer::status(204));
    assert!(zoom.get_maybe().await.expect("an answer").is_none());
    server.answer(Answer::status(201).json(&json!({ "b": "2" })));
    assert_eq!(zoom.get_either().await.expect("an answer"), json!({ "b": "2" }));
    server.answer(Answer::status(200).body("anything"));
    assert_eq!(zoom.get_undocumented().await.expect("an answer").as_ref(), b"anything");
}

#[tokio::test]
async fn every_http_method_is_sent() {
    let server = server().await;
    let zoom = client(&server);
    zoom.ask_options().await.expect("sent");
    assert_eq!(last(&server).method.as_str(), "OPTIONS");
    zoom.ask_head().await.expect("sent");
    assert_eq!(last(&server).method.as_str(), "HEAD");
    zoom.ask_trace().await.expect("sent");
    assert_eq!(last(&server).method.as_str(), "TRACE");
    zoom.ask_delete().await.expect("sent");
    assert_eq!(last(&server).method.as_str(), "DELETE");
}

#[tokio::test]
async fn operations_with_reserved_or_taken_names_can_be_called() {
    let server = server().await;
    let zoom = client(&server);
    let paths = || last(&server).path.trim_start_matches("/v1/ids/").to_owned();
    macro_rules! called {
        ($($method:ident($id:literal);)*) => {$(
            zoom.$method().a("1").await.expect($id);
            assert_eq!(paths(), $id);
        )*};
    }
    called! {
        move_("move"); type_("type"); client_call("client"); types_call("types"); builder_call("builder");
        body_call("body"); result_call("result"); error_call("error"); self_call("self"); option_call("option");
        call_call("call"); fmt_call("fmt"); with_retry_call("withRetry"); parameters_call("parameters");
        some_call("Some"); crate_("crate"); reqwest_call("reqwest"); x1st_thing("1st-thing"); move_call("move_");
    }
}

#[tokio::test]
async fn secrets_from_a_body_are_redacted_in_errors() {
    let server = server().await;
    server.answer(Answer::error(400, 300, "no s3cr3t here"));
    let error = client(&server).send_form().title("t").key(Secret::from("s3cr3t")).await.expect_err("300");
    assert!(!error.to_string().contains("s3cr3t"), "{error}");
}

#[tokio::test]
async fn a_secret_sent_as_a_parameter_is_redacted_in_errors() {
    let server = server().await;
    let zoom = client(&server);
    let answer = || server.answer(Answer::error(400, 300, "no s3cr3t here"));
    let headers = || zoom.send_headers().item_id("1").x_own(7);
    answer();
    let error = zoom.send_query().plain("").key("s3cr3t").await.expect_err("300");
    assert!(!error.to_string().contains("s3cr3t"), "{error}");
    for call in [headers().x_key("s3cr3t"), headers().pass("s3cr3t")] {
        answer();
        let error = call.await.expect_err("300");
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_described_by_a_reference_keeps_unknown_values_and_fields() {
    let server = server().await;
    let zoom = client(&server);
    server.answer(Answer::status(200).json(&json!({ "state": "paused", "part": { "new": 1 }, "new": 2 })));
    let thing = zoom.get_thing().await.expect("an answer");
    assert_eq!((thing.state.as_deref(), thing.extra.get("new")), (Some("paused"), Some(&json!(2))));
    assert_eq!(thing.part.expect("a part").extra.get("new"), Some(&json!(1)));
}
