//! The changes between two documents that matter to callers.

use postman_to_openapi::{Change, changes};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn document(paths: Value) -> Value {
    json!({ "openapi": "3.0.3", "servers": [{ "url": "https://a.example" }], "paths": paths })
}

/// `PATCH /pets/{petId}`, with everything that can change.
fn pet() -> Value {
    document(json!({ "/pets/{petId}": { "patch": {
        "operationId": "updatePet",
        "parameters": [
            { "name": "petId", "in": "path", "required": true, "schema": { "type": "integer" } },
            { "name": "dry", "in": "query", "schema": { "type": "boolean" } },
        ],
        "requestBody": { "required": true, "content": { "multipart/form-data": { "schema": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": { "type": "string", "maxLength": 50 },
                "kind": { "type": "string", "enum": ["cat", "dog"] },
                "owner": { "type": "object", "properties": { "key": { "type": "string", "format": "password" } } },
                "toys": { "type": "array", "items": { "type": "object", "properties": { "id": { "type": "integer" } } } },
            },
        } } } },
        "responses": {
            "200": { "description": "", "content": { "application/json": { "schema": {
                "type": "object",
                "properties": {
                    "id": { "type": "integer" },
                    "state": { "type": "string", "enum": ["fed", "hungry"] },
                    "toys": { "type": "array", "items": { "type": "string" } },
                },
            } } } },
            "404": { "description": "" },
        },
    } } }))
}

const BODY: &str = "/paths/~1pets~1{petId}/patch/requestBody/content/multipart~1form-data/schema";
const ANSWER: &str = "/paths/~1pets~1{petId}/patch/responses/200/content/application~1json/schema";
const OPERATION: &str = "/paths/~1pets~1{petId}/patch";

/// The document with another value at a place, or without it.
fn with(mut document: Value, place: &str, value: Option<Value>) -> Value {
    let (parent, name) = place.rsplit_once('/').expect("a JSON pointer");
    let name = name.replace("~1", "/");
    match (document.pointer_mut(parent), value) {
        (Some(Value::Object(object)), Some(value)) => drop(object.insert(name, value)),
        (Some(Value::Object(object)), None) => drop(object.shift_remove(&name).expect("what is removed")),
        (Some(Value::Array(list)), None) => drop(list.remove(name.parse().expect("an index"))),
        (Some(Value::Array(list)), Some(value)) => list[name.parse::<usize>().expect("an index")] = value,
        _ => panic!("there is no {parent}"),
    }
    document
}

fn said(before: &Value, after: &Value) -> Vec<String> {
    changes(before, after).iter().map(Change::to_string).collect()
}

#[test]
fn a_new_name_of_an_operation_is_one_sentence() {
    let renamed = with(pet(), &format!("{OPERATION}/operationId"), Some(json!("changePet")));
    assert_eq!(said(&pet(), &renamed), ["breaking: changePet (PATCH /pets/{petId}): it was called updatePet before"]);
}

#[test]
fn each_breaking_change_is_reported_in_one_sentence() {
    let text = || Some(json!({ "type": "string" }));
    for (place, value, sentence) in [
        (format!("{OPERATION}/parameters/1"), None, "query parameter `dry` was removed".to_owned()),
        (
            format!("{OPERATION}/parameters/1/required"),
            Some(json!(true)),
            "query parameter `dry` is now required".into(),
        ),
        (
            format!("{OPERATION}/parameters/1/schema"),
            text(),
            "query parameter `dry` is now a string instead of a boolean".into(),
        ),
        (format!("{OPERATION}/parameters/1/name"), Some(json!("wet")), "query parameter `dry` was removed".into()),
        (format!("{OPERATION}/requestBody"), None, "it no longer has a body".into()),
        (format!("{BODY}/properties/kind"), None, "body field `kind` was removed".into()),
        (format!("{BODY}/properties/owner/properties/key"), None, "body field `owner.key` was removed".into()),
        (
            format!("{BODY}/properties/owner/properties/key"),
            text(),
            "body field `owner.key` is now a string instead of a secret".into(),
        ),
        (
            format!("{BODY}/properties/toys/items/properties/id"),
            text(),
            "body field `toys[].id` is now a string instead of an integer".into(),
        ),
        (format!("{BODY}/properties/kind/enum/1"), None, "body field `kind` no longer accepts `dog`".into()),
        (format!("{BODY}/properties/kind/enum"), None, "body field `kind` is no longer limited to `cat`, `dog`".into()),
        (
            format!("{BODY}/properties/name/enum"),
            Some(json!(["Tom"])),
            "body field `name` now accepts only `Tom`".into(),
        ),
        (
            format!("{BODY}/properties/name/maxLength"),
            Some(json!(49)),
            "body field `name` now has a maximum length of 49".into(),
        ),
        (
            format!("{BODY}/properties/name/minLength"),
            Some(json!(1)),
            "body field `name` now has a minimum length of 1".into(),
        ),
        (format!("{BODY}/properties/name/pattern"), Some(json!("^T")), "body field `name` must now match `^T`".into()),
        (
            format!("{BODY}/properties/toys/maxItems"),
            Some(json!(3)),
            "body field `toys` now has a maximum number of elements of 3".into(),
        ),
        (
            format!("{BODY}/properties/toys/items/properties/id/minimum"),
            Some(json!(-2)),
            "body field `toys[].id` now has a minimum value of -2".into(),
        ),
        (format!("{BODY}/required"), Some(json!(["name", "kind"])), "body field `kind` is now required".into()),
        (format!("{ANSWER}/properties/id"), None, "response field `id` was removed".into()),
        (format!("{ANSWER}/properties/id"), text(), "response field `id` is now a string instead of an integer".into()),
        (
            format!("{ANSWER}/properties/toys/items"),
            Some(json!({ "type": "integer" })),
            "response field `toys[]` is now an integer instead of a string".into(),
        ),
        (format!("{ANSWER}/required"), Some(json!(["id"])), "response field `id` is no longer optional".into()),
        (format!("{OPERATION}/responses/200/content"), None, "it now returns nothing instead of a JSON value".into()),
        (
            format!("{OPERATION}/responses/204"),
            Some(json!({})),
            "it now returns a JSON value or nothing instead of a JSON value".into(),
        ),
        (
            format!("{OPERATION}/responses/202"),
            Some(json!({ "content": { "text/csv": {} } })),
            "it now returns bytes instead of a JSON value".into(),
        ),
    ] {
        let after = with(pet(), &place, value);
        let sentences = said(&pet(), &after);
        assert_eq!(sentences, [format!("breaking: updatePet (PATCH /pets/{{petId}}): {sentence}")], "{place}");
    }
}

#[test]
fn a_change_of_place_body_limit_server_or_error_code_is_one_sentence() {
    let moved = document(json!({ "/cats/{catId}": { "put": pet()["paths"]["/pets/{petId}"]["patch"] } }));
    assert_eq!(said(&pet(), &moved), ["breaking: updatePet (PUT /cats/{catId}): it was PATCH /pets/{petId} before"]);

    let content = json!({ "application/json": { "schema": pet().pointer(BODY).expect("the body") } });
    let as_json = with(pet(), &format!("{OPERATION}/requestBody/content"), Some(content));
    assert_eq!(
        said(&pet(), &as_json),
        [
            "breaking: updatePet (PATCH /pets/{petId}): its body is now sent as application/json instead of multipart/form-data"
        ]
    );
    let optional = with(pet(), &format!("{OPERATION}/requestBody/required"), Some(json!(false)));
    assert_eq!(said(&optional, &pet()), ["breaking: updatePet (PATCH /pets/{petId}): its body is now required"]);
    let none = with(pet(), &format!("{OPERATION}/requestBody"), None);
    assert_eq!(said(&none, &pet()), ["breaking: updatePet (PATCH /pets/{petId}): it now requires a body"]);
    assert_eq!(said(&none, &optional), [""; 0], "a body that may be left out");

    let required = with(pet(), &format!("{BODY}/properties/age"), Some(json!({ "type": "integer" })));
    let required = with(required, &format!("{BODY}/required"), Some(json!(["name", "age"])));
    assert_eq!(
        said(&pet(), &required),
        ["breaking: updatePet (PATCH /pets/{petId}): body field `age` is new and required"]
    );
    let limited = |exclusive: bool| {
        let schema = json!({ "type": "integer", "minimum": 1, "exclusiveMinimum": exclusive });
        with(pet(), &format!("{BODY}/properties/age"), Some(schema))
    };
    assert_eq!(
        said(&limited(false), &limited(true)),
        ["breaking: updatePet (PATCH /pets/{petId}): body field `age` no longer accepts its minimum value of 1"]
    );
    assert_eq!(said(&limited(true), &limited(false)), [""; 0]);
    let sandbox = with(pet(), "/servers", Some(json!([{ "url": "https://b.example" }])));
    assert_eq!(
        said(&pet(), &sandbox),
        ["breaking: requests go to https://b.example by default instead of https://a.example"]
    );
    let named = with(pet(), "/x-error-code-names", Some(json!({ "300": "NO_PET" })));
    assert_eq!(said(&named, &pet()), ["breaking: no error code is named `NO_PET` any more"]);
}

#[test]
fn optional_additions_and_documentation_are_not_breaking() {
    for (place, value) in [
        (format!("{OPERATION}/description"), json!("Feeds it.")),
        (format!("{OPERATION}/parameters/1/description"), json!("Changes nothing.")),
        (format!("{BODY}/properties/age"), json!({ "type": "integer" })),
        (format!("{BODY}/properties/kind/enum"), json!(["cat", "dog", "fish"])),
        (format!("{BODY}/properties/name/maxLength"), json!(51)),
        (format!("{BODY}/required"), json!([])),
        (format!("{ANSWER}/properties/age"), json!({ "type": "integer" })),
        (format!("{ANSWER}/properties/state/enum"), json!(["fed"])),
        (format!("{ANSWER}/required"), json!(["toys"])),
        (format!("{OPERATION}/responses/500"), json!({ "description": "" })),
        (format!("{OPERATION}/responses/404/content"), json!({ "application/json": {} })),
        ("/x-error-code-names".to_owned(), json!({ "300": "NO_PET" })),
        (
            "/paths/~1pets~1{petId}/parameters".to_owned(),
            json!([{ "name": "dry", "in": "query", "schema": { "type": "boolean" } }]),
        ),
    ] {
        assert_eq!(said(&pet(), &with(pet(), &place, Some(value))), [""; 0], "{place}");
    }
}

#[test]
fn operations_are_matched_by_id_or_else_by_method_and_path() {
    let operation = |id: &str| json!({ "operationId": id, "responses": { "204": { "description": "" } } });
    let before = document(json!({
        "/a": { "get": operation("getA"), "delete": operation("deleteA") },
        "/b": { "get": operation("getB") },
    }));
    let after = document(json!({
        "/a": { "get": operation("getB") },
        "/b": { "get": operation("getA") },
        "/c": { "post": operation("createC") },
    }));
    assert_eq!(
        said(&before, &after),
        [
            "added: createC (POST /c)",
            "removed: deleteA (DELETE /a)",
            "breaking: getA (GET /b): it was GET /a before",
            "breaking: getB (GET /a): it was GET /b before",
        ]
    );
}

#[test]
fn only_the_names_of_parameters_may_change_in_a_path() {
    let at = |path: &str| {
        document(json!({ path: { "get": { "operationId": "getX", "responses": { "204": { "description": "" } } } } }))
    };
    assert_eq!(
        said(&at("/x/{id}.json"), &at("/x/{id}.xml")),
        ["breaking: getX (GET /x/{id}.xml): it was GET /x/{id}.json before"]
    );
    assert_eq!(said(&at("/x/v{id}"), &at("/x/v{number}")), [""; 0]);
    assert_eq!(said(&at("/x/{a}-{b}"), &at("/x/{c}-{d}")), [""; 0]);
}

#[test]
fn referenced_schemas_are_compared_even_if_recursive() {
    let pets = |name: &str, id: &str| {
        json!({
            "paths": { "/pets": { "get": { "operationId": "getPets", "responses": { "200": { "$ref": "#/components/responses/Pets" } } } } },
            "components": {
                "responses": { "Pets": { "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } } } },
                "schemas": {
                    name: { "type": "object", "properties": {
                        "id": { "type": id },
                        "children": { "type": "array", "items": { "$ref": format!("#/components/schemas/{name}") } },
                        "itself": { "$ref": "#/components/schemas/Loop" },
                    } },
                    "Loop": { "$ref": "#/components/schemas/Loop" },
                },
            },
        })
    };
    assert_eq!(said(&pets("Pet", "string"), &pets("Animal", "string")), [""; 0]);
    assert_eq!(
        said(&pets("Pet", "string"), &pets("Animal", "integer")),
        ["breaking: getPets (GET /pets): response field `id` is now an integer instead of a string"]
    );
}

#[test]
fn long_chains_of_references_neither_overflow_the_stack_nor_take_forever() {
    let schema = |at: usize| {
        json!({ "type": "object", "properties": {
        "next": { "$ref": format!("#/components/schemas/{}", at + 1) },
        "other": { "$ref": format!("#/components/schemas/{}", at + 1) },
    } })
    };
    let schemas: Map<_, _> = (0..20_000).map(|at| (at.to_string(), schema(at))).collect();
    let answers =
        json!({ "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/0" } } } } });
    let mut before = document(json!({ "/a": { "get": { "operationId": "getA", "responses": answers } } }));
    before["components"] = json!({ "schemas": schemas });
    assert_eq!(said(&before, &before.clone()), [""; 0]);
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = "paths|get|post|operationId|parameters|requestBody|responses|200|204|content|application/json|schema|type|\
                 object|string|array|items|properties|required|enum|in|name|query|\\$ref|#|#/paths|/a|[ -~\\n]{0,4}";
    // As a strategy, a `&str` would be parsed again for each word.
    let words = prop::string::string_regex(words).expect("a regular expression").boxed();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(12, 96, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A schema as the converter writes it.
fn schema() -> impl Strategy<Value = Value> {
    let plain = prop::sample::select(vec!["string", "integer", "number", "boolean"]);
    plain.prop_map(|kind| json!({ "type": kind })).prop_recursive(4, 24, 4, |inner| {
        let name = prop::char::range('a', 'f').prop_map(String::from);
        prop_oneof![
            inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            prop::collection::btree_map(name, (inner, any::<bool>()), 0..5).prop_map(|fields| {
                let required: Vec<&String> =
                    fields.iter().filter(|(_, (_, required))| *required).map(|(name, _)| name).collect();
                let required = json!(required);
                let properties: Map<_, _> = fields.into_iter().map(|(name, (schema, _))| (name, schema)).collect();
                json!({ "type": "object", "required": required, "properties": properties })
            }),
        ]
    })
}

fn api() -> impl Strategy<Value = Value> {
    let operation = (schema(), schema());
    let operations = prop::collection::btree_map((0..4_u8, prop::sample::select(vec!["get", "put"])), operation, 0..5);
    operations.prop_map(|operations| {
        let mut paths = json!({});
        for ((path, method), (body, answer)) in operations {
            paths[format!("/{path}")][method] = json!({
                "operationId": format!("{method}{path}"),
                "requestBody": { "content": { "application/json": { "schema": body } } },
                "responses": { "200": { "content": { "application/json": { "schema": answer } } } },
            });
        }
        document(paths)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, max_global_rejects: u32::MAX, ..ProptestConfig::default() })]

    #[test]
    fn any_two_documents_can_be_compared_and_each_change_is_one_line(before in any_json(), after in any_json()) {
        for change in changes(&before, &after) {
            prop_assert!(!change.to_string().contains(char::is_control), "{change}");
        }
    }

    #[test]
    fn a_document_does_not_differ_from_itself(any in any_json(), api in api()) {
        prop_assert_eq!(changes(&any, &any), []);
        prop_assert_eq!(changes(&api, &api), []);
    }

    #[test]
    fn what_is_added_in_one_direction_is_removed_in_the_other(before in api(), after in api()) {
        let named = |from: &Value, to: &Value, kind: &str| -> Vec<String> {
            let all = said(from, to).into_iter();
            let mut named: Vec<_> = all.filter_map(|text| Some(text.strip_prefix(kind)?.to_owned())).collect();
            named.sort();
            named
        };
        prop_assert_eq!(named(&before, &after, "added: "), named(&after, &before, "removed: "));
    }

    #[test]
    fn a_new_optional_field_is_not_breaking_anywhere(api in api(), new in schema()) {
        fn grow(value: &mut Value, new: &Value) {
            if let Some(properties) = value.get_mut("properties").and_then(Value::as_object_mut) {
                properties.values_mut().for_each(|inner| grow(inner, new));
                properties.insert("new".to_owned(), new.clone());
            } else if let Some(children) = value.as_object_mut() {
                children.values_mut().for_each(|inner| grow(inner, new));
            }
        }
        let mut grown = api.clone();
        grow(&mut grown["paths"], &new);
        prop_assert_eq!(changes(&api, &grown), []);
    }

    #[test]
    fn a_changed_field_type_is_reported_once(api in api(), at in any::<prop::sample::Index>()) {
        fn fields<'v>(value: &'v mut Value, found: &mut Vec<&'v mut Value>) {
            for (name, inner) in value.as_object_mut().into_iter().flatten() {
                if name == "properties" {
                    found.extend(inner.as_object_mut().into_iter().flat_map(Map::values_mut));
                } else {
                    fields(inner, found);
                }
            }
        }
        let mut changed = api.clone();
        let mut found = Vec::new();
        fields(&mut changed["paths"], &mut found);
        prop_assume!(!found.is_empty());
        let at = at.index(found.len());
        *found[at] = json!({ "type": "string", "format": "password" });
        prop_assert_eq!(changes(&api, &changed).len(), 1);
    }
}

/// `PATCH /pets/{petId}` with another schema of its field `kind`.
fn taking(schema: Value) -> Value {
    with(pet(), &format!("{BODY}/properties/kind"), Some(schema))
}

#[test]
fn unknown_fields_of_a_request_are_compared_however_they_are_written() {
    let open = || json!({ "type": "object" });
    let extra = |extra: Value| json!({ "type": "object", "additionalProperties": extra });
    let closed = "body field `kind` no longer accepts unknown fields";
    for (before, after, sentence) in [
        (open(), extra(json!(false)), Some(closed)),
        (extra(json!(true)), extra(json!(false)), Some(closed)),
        (extra(json!({})), extra(json!(false)), Some(closed)),
        (extra(json!({ "type": "string" })), extra(json!(false)), Some(closed)),
        (
            extra(json!(true)),
            extra(json!({ "type": "string" })),
            Some("body field `kind[]` is now a string instead of any value"),
        ),
        (
            extra(json!({ "type": "string" })),
            extra(json!(true)),
            Some("body field `kind[]` is now any value instead of a string"),
        ),
        (open(), extra(json!(true)), None),
        (open(), extra(json!({})), None),
        (extra(json!(true)), extra(json!({})), None),
        (extra(json!(false)), open(), None),
        (extra(json!(false)), extra(json!({ "type": "string" })), None),
    ] {
        let expected = sentence.map(|sentence| format!("breaking: updatePet (PATCH /pets/{{petId}}): {sentence}"));
        assert_eq!(said(&taking(before.clone()), &taking(after.clone())), Vec::from_iter(expected), "{before} {after}");
    }
}

#[test]
fn a_request_may_gain_alternatives_but_not_lose_one() {
    let described = |key: &str, types: &[&str]| json!({ key: types.iter().map(|kind| json!({ "type": kind })).collect::<Vec<_>>() });
    for key in ["oneOf", "anyOf"] {
        let [few, many] =
            [&["string", "boolean"][..], &["integer", "string", "boolean"]].map(|types| taking(described(key, types)));
        assert_eq!(said(&few, &many), [""; 0], "{key}");
        assert_eq!(
            said(&many, &few),
            ["breaking: updatePet (PATCH /pets/{petId}): body field `kind` now has 2 alternatives instead of 3"]
        );
    }
    let [few, many] = [&["string"][..], &["string", "boolean"]].map(|types| taking(described("allOf", types)));
    assert_eq!(
        said(&few, &many),
        ["breaking: updatePet (PATCH /pets/{petId}): body field `kind` now has 2 parts instead of 1"]
    );
}

#[test]
fn nulls_maps_and_alternatives_are_compared() {
    let answering = |answer: Value| {
        json!({"paths": {"/a": {"get": {"operationId": "getA",
        "responses": {"200": {"content": {"application/json": {"schema": answer}}}}}}}})
    };
    let one_of = |types: &[&str]| json!({"oneOf": types.iter().map(|kind| json!({"type": kind})).collect::<Vec<_>>()});
    let list = |nullable: bool| json!({"type": "array", "items": {"type": "string", "nullable": nullable}});
    let map = |kind: &str| json!({"type": "object", "additionalProperties": {"type": kind}});
    let field = |required: bool| {
        let names = if required { json!(["a"]) } else { json!([]) };
        json!({"type": "object", "required": names, "properties": {"a": {"type": "string"}}})
    };
    let mut untyped = field(true);
    untyped.as_object_mut().expect("a schema").shift_remove("type");
    assert_eq!(said(&answering(field(true)), &answering(untyped)), [""; 0]);
    for (before, after, sentence) in [
        (json!({"type": "string"}), json!({"type": "string", "nullable": true}), "the response may now be null"),
        (list(false), list(true), "each value of the response may now be null"),
        (map("integer"), map("string"), "each value of the response is now a string instead of an integer"),
        (
            one_of(&["boolean", "integer"]),
            one_of(&["boolean", "string"]),
            "the response is now a string instead of an integer",
        ),
        (
            json!({"type": "integer", "format": "int64"}),
            json!({"type": "integer", "format": "int32"}),
            "the response is now a number of format int32 instead of an integer",
        ),
        (field(true), field(false), "response field `a` is now optional"),
        (
            json!({"type": "object"}),
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            "each value of the response is now an integer instead of any value",
        ),
        (
            one_of(&["boolean", "integer", "string"]),
            one_of(&["boolean", "integer"]),
            "the response now has 2 alternatives instead of 3",
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": "object", "additionalProperties": false}),
            "the response no longer has unknown fields",
        ),
    ] {
        let said = said(&answering(before), &answering(after));
        assert_eq!(said, [format!("breaking: getA (GET /a): {sentence}")]);
    }
}
