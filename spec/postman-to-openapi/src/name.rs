//! Operation IDs: a function of one item and of the prefix that all paths share, so that other items hardly change them.

use std::borrow::Cow;

use heck::ToSnakeCase;
use percent_encoding::percent_decode_str;

use crate::method::Method;

/// The most characters of a name.
const LONGEST: usize = 64;

/// Words at the start of a name that say what an operation does.
const VERBS: &str = "accept activate add analyze append apply approve archive assign associate attach authenticate \
    authorize batch begin bind block browse bulk buy calculate cancel change check choose clear close \
    collect compare complete compute configure confirm connect convert copy count create deactivate \
    decline decrypt define delete demote deny deploy destroy detach detect determine disable \
    disassociate discard disconnect dismiss display dissociate distribute download duplicate edit enable \
    encrypt end enqueue enroll ensure erase evaluate exclude execute explore export extend extract fetch \
    finalize find finish flush follow forget freeze fulfill generate get grant hide identify ignore \
    import include increment initialize initiate insert install invalidate invite invoke join leave list \
    load locate lock login logout look lookup make mark merge modify move mute notify obtain open \
    overwrite patch pause pay perform post prepare promote propose publish purge put query read rebuild \
    receive recover redeem refresh regenerate register reject reload remove rename renew reopen replace \
    reply republish resend reserve reset resolve respond restart restore resume retrieve revise revoke \
    rotate run save search select send set share show simulate skip split start stop submit subscribe \
    suggest suspend swap switch sync synchronize terminate toggle transcribe transform translate \
    truncate unarchive unassign unblock unfollow uninstall unlike unlink unlock unmute unpublish \
    unregister unsubscribe update upgrade upload upsert use validate verify view vote withdraw write \
    actualizar adicionar agregar ajouter alterar anadir atualizar borrar buscar cadastrar \
    consultar crear creer criar deletar editar eliminar enviar excluir inserir lister listar loschen \
    modificar modifier obtener obter recuperer supprimer dobavit obnovit poluchit sozdat udalit";

const ARTICLES: &str = "a an the";

/// Words that occur before an article but are not verbs.
const NOT_VERBS: &str = "about after all and as at before by during for from given half how in into is of on or over per such than that to \
    until via what when where which who with within without";

/// Whether a list of words has this one.
pub fn has(list: &str, word: &str) -> bool {
    list.as_bytes().split(|byte| *byte == b' ').any(|known| known == word.as_bytes())
}

/// Names an operation after its item: a verb, the path's resource unless the name mentions it, and the other words of the
/// name. `None` if the name has no usable words, a letter that cannot be transliterated, or too many letters.
pub fn operation_id(name: &str, method: Method, path: &str) -> Option<String> {
    // A name that is a URL says no more than the method and path.
    if name.contains(['/', '{']) {
        return None;
    }
    let mut tokens = tokens(&transliterated(name)?);
    let count = tokens.len();
    // `GET List users` has its own verb.
    tokens.retain(|token| *token != method.name().to_ascii_uppercase());
    let is_marked = tokens.len() < count;
    let mut said: Vec<String> = tokens.iter().flat_map(|token| split(token)).collect();
    drop_numbers(&mut said);
    // The word before `a role` is a verb, even if it is not in the list.
    let led = matches!(said.as_slice(), [first, article, _, ..] if has(ARTICLES, article)
        && !has(ARTICLES, first) && !has(NOT_VERBS, first));
    let last = said.pop()?;
    said.retain(|word| !has(ARTICLES, word));
    said.push(last);
    // `Create a note [createNote]` says everything twice, and `Post create note` its verb.
    let (once, again) = said.split_at(said.len() / 2);
    if once == again {
        said.truncate(once.len());
    }
    let is_repeated = |first: &str, second: &str| first == second || first == method.name() && second == verb(method);
    if matches!(said.as_slice(), [first, second, _, ..] if is_repeated(first, second)) {
        said.remove(0);
    }
    let own_verb = led
        || match said.as_slice() {
            // `Permanently delete a file` has its own verb too.
            [first, second, ..] if first.ends_with("ly") && second == verb(method) => true,
            [first, ..] => has(VERBS, first),
            [] => false,
        };
    let verb = match said.last() {
        _ if own_verb => said.remove(0),
        // `User create`
        Some(last) if said.len() > 1 && has(verbs(method), last) => said.pop()?,
        _ => verb(method).to_owned(),
    };
    let mut resource = resources(path)
        .map(|segment| {
            let mut words = words(segment);
            words.retain(|word| !(is_same(word, &verb) || is_marked && word == method.name()));
            words
        })
        .find(|words| !words.is_empty())
        .unwrap_or_default();
    let mut id = verb;
    // `Look up` is one verb.
    if own_verb && said.first().is_some_and(|first| has("up out off", first)) {
        push(&mut id, &said.remove(0));
    }
    drop_said(&mut resource, &said);
    if let Some((last, before)) = resource.split_last() {
        before.iter().for_each(|word| push(&mut id, word));
        push(&mut id, &singularized(last));
    }
    said.iter().for_each(|word| push(&mut id, word));
    (id.len() <= LONGEST && id.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(id)
}

/// Drops the numbers of test cases: those at the start or end, with `Step` or `Test case` before them, and `TC_12` and `01`
/// anywhere.
fn drop_numbers(said: &mut Vec<String>) {
    let is_number = |word: &String| word.trim_start_matches("tc").bytes().all(|byte| byte.is_ascii_digit());
    let counts = |word: &&String| is_number(word) || has("case scenario step test", word);
    let leading: Vec<_> = said.iter().take_while(counts).collect();
    let (start, is_counted) = (leading.len(), leading.into_iter().any(is_number));
    said.drain(..if is_counted { start } else { 0 });
    let trailing: Vec<_> = said.iter().rev().take_while(counts).collect();
    let (end, is_counted) = (said.len() - trailing.len(), trailing.into_iter().any(is_number));
    said.truncate(if is_counted { end } else { said.len() });
    said.retain(|word| !(word.starts_with("tc") || word.starts_with('0')) || !is_number(word));
}

/// Drops the words of a resource that the name says.
fn drop_said(resource: &mut Vec<String>, said: &[String]) {
    // `TimeSlot` says `timeslots`.
    let whole = resource.concat();
    for from in 0..said.len() {
        let mut text = String::new();
        for word in said.iter().skip(from) {
            text.push_str(word);
            if is_same(&text, &whole) {
                return resource.clear();
            }
        }
    }
    let count = resource.len();
    while resource.last().is_some_and(|last| said.iter().any(|word| is_same(word, last))) {
        resource.pop();
    }
    // Of `add-user`, only the verb is left.
    if resource.len() < count && resource.iter().all(|word| has(VERBS, word)) {
        resource.clear();
    }
}

/// Names an operation after its method and path, if it has no unique name of its own.
pub fn from_path(method: Method, path: &str) -> String {
    let path = percent_decode_str(path).decode_utf8_lossy();
    let mut said = Vec::new();
    for segment in path.split('/') {
        let mut rest = segment;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            said.extend(words(before));
            said.push("by".to_owned());
            said.extend(words(name));
            rest = after;
        }
        said.extend(words(rest));
    }
    if said.is_empty() {
        said.push("root".to_owned());
    }
    let mut id = verb(method).to_owned();
    // The end of a path says more than its start.
    let mut length = id.len() + said.iter().map(String::len).sum::<usize>();
    for (at, word) in said.iter().enumerate() {
        if length > LONGEST && at + 1 < said.len() {
            length -= word.len();
        } else {
            push(&mut id, word);
        }
    }
    id.chars().take(LONGEST).collect()
}

/// A name with a number, which no other operation has.
pub fn numbered(id: &str, number: usize) -> String {
    let number = number.to_string();
    id.chars().take(LONGEST - number.len()).chain(number.chars()).collect()
}

/// The verb of a method, then others that mean the same.
fn verbs(method: Method) -> &'static str {
    match method {
        Method::Get => "get fetch list abrufen anzeigen",
        Method::Post => "create add anlegen erstellen hinzufugen",
        Method::Put => "replace edit update aktualisieren andern bearbeiten",
        Method::Patch => "update change edit aktualisieren andern bearbeiten",
        Method::Delete => "delete remove entfernen loschen",
        other => other.name(),
    }
}

fn verb(method: Method) -> &'static str {
    verbs(method).split(' ').next().unwrap_or_default()
}

/// The literal start that all paths share, if every path has a resource behind it: `/shop/v2`.
pub fn shared_prefix<'p>(paths: &[&'p str]) -> &'p str {
    let [first, _, ..] = paths else { return "" };
    let ends = first.match_indices('/').skip(1).filter_map(|(at, _)| Some(first.split_at_checked(at)?.0));
    let is_shared = |prefix: &&str| {
        let may_continue =
            |next: &str| !next.is_empty() && (!next.starts_with('{') || prefix.rsplit('/').next().is_some_and(is_base));
        let continues = |path: &&str| {
            let rest = path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
            rest.is_some_and(|rest| may_continue(rest.split('/').next().unwrap_or_default()))
        };
        !prefix.contains('{') && paths.iter().all(continues)
    };
    ends.take_while(is_shared).last().unwrap_or_default()
}

/// The first path segment that is neither a parameter nor a version.
pub fn resource(path: &str) -> Option<&str> {
    resources(path).next()
}

/// Segments that may be resources, without endings such as `.json`. What is before `api` is not one.
fn resources(path: &str) -> impl Iterator<Item = &str> {
    let fixed = path.split('/').take_while(|segment| !segment.contains('{'));
    let base = fixed.enumerate().filter(|(_, segment)| has("api rest", &segment.to_ascii_lowercase())).last();
    let skipped = base.map_or(0, |(at, _)| at);
    path.split('/').skip(skipped).map(stem).filter(|segment| {
        !is_base(segment) && !segment.contains(['{', '%']) && segment.chars().any(char::is_alphabetic)
    })
}

/// The name of a parameter that identifies one of a resource: `orderId` of `orders`.
pub fn id_of(resource: &str) -> String {
    let mut words = words(resource);
    if let Some(last) = words.last_mut() {
        *last = singularized(last);
    }
    words.push("id".to_owned());
    let mut id = words.remove(0);
    words.iter().for_each(|word| push(&mut id, word));
    id
}

/// A segment without an ending such as `.json`.
fn stem(segment: &str) -> &str {
    let split = segment.rsplit_once('.');
    split
        .filter(|(_, end)| has("ashx asp aspx csv do htm html json jsp php rb xml", end))
        .map_or(segment, |(stem, _)| stem)
}

/// Whether a segment is a version, or says no more than that this is an API.
fn is_base(segment: &str) -> bool {
    let version = segment.strip_prefix(['v', 'V']).is_some_and(|number| {
        number.starts_with(|c: char| c.is_ascii_digit()) && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    });
    version || segment.is_empty() || has("api index rest", &segment.to_ascii_lowercase())
}

/// A text in ASCII, in which marks and symbols are spaces. `None` if a letter cannot be transliterated.
fn transliterated(text: &str) -> Option<Cow<'_, str>> {
    if text.is_ascii() {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::new();
    for c in text.chars() {
        match deunicode::deunicode_char(c) {
            // A combining mark is empty; what comes from Chinese ends in a space.
            Some(known) if c.is_ascii() || c.is_alphanumeric() || known.is_empty() || known == "'" => {
                out.push_str(known)
            }
            None if c.is_alphanumeric() => return None,
            _ => out.push(' '),
        }
    }
    Some(Cow::Owned(out))
}

/// A name reduced to letters, digits, `_`, `-` and `.`, the characters allowed in a path parameter or component key.
pub fn plain(name: &str) -> String {
    let name = transliterated(name).unwrap_or(Cow::Borrowed(name));
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    name.trim_end().chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// The words of a text in lower case, split at case changes too.
fn words(text: &str) -> Vec<String> {
    let text = transliterated(text).unwrap_or(Cow::Borrowed(text));
    tokens(&text).iter().flat_map(|token| split(token)).collect()
}

/// What is between spaces and marks. `meeting's` counts as `meeting`, and `Q&A` as one word.
fn tokens(text: &str) -> Vec<String> {
    let text = format!("{text} ").replace("'s ", " ").replace(['\'', '&'], "");
    let tokens = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|token| !token.is_empty());
    tokens.take(LONGEST).map(str::to_owned).collect()
}

fn split(token: &str) -> Vec<String> {
    // The plural `IDs` is one word.
    let is_plural = |stem: &str| stem.len() > 1 && stem.bytes().all(|byte| byte.is_ascii_uppercase());
    match token.strip_suffix('s') {
        Some(stem) if is_plural(stem) => vec![token.to_ascii_lowercase()],
        _ => token.to_snake_case().split('_').map(str::to_owned).collect(),
    }
}

/// Whether two words are the same, apart from one being the plural of the other.
fn is_same(a: &str, b: &str) -> bool {
    let plural = |a: &str, b: &str| a.strip_suffix('s') == Some(b);
    a == b || plural(a, b) || plural(b, a) || singularized(a) == singularized(b)
}

fn push(id: &mut String, word: &str) {
    let mut chars = word.chars();
    id.extend(chars.next().map(|first| first.to_ascii_uppercase()));
    id.push_str(chars.as_str());
}

fn singularized(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return format!("{stem}y");
    }
    // `statuses` but not `houses`.
    if let Some(stem) = word.strip_suffix("uses").filter(|stem| stem.len() > 2 && !stem.ends_with(['a', 'e', 'o'])) {
        return format!("{stem}us");
    }
    for ending in ["sses", "shes", "ches", "xes", "zes"] {
        if word.ends_with(ending) {
            return word.strip_suffix("es").unwrap_or(word).to_owned();
        }
    }
    match word.strip_suffix('s') {
        Some(stem) if !stem.is_empty() && !stem.ends_with(['s', 'u', 'i']) => stem.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_verb_resource_and_the_rest_of_the_name() {
        for (name, method, path, id) in [
            ("Update a live stream", Method::Patch, "/meetings/{meetingId}/livestream", "updateMeetingLiveStream"),
            (
                "Update Live Stream Status",
                Method::Patch,
                "/webinars/{webinarId}/livestream/status",
                "updateWebinarLiveStreamStatus",
            ),
            ("List meetings", Method::Get, "/v2/meetings", "listMeetings"),
            ("Get a meeting", Method::Get, "/api/v1/meetings/{id}", "getMeeting"),
            ("Live stream details", Method::Get, "/meetings/{id}/livestream", "getMeetingLiveStreamDetails"),
            ("Get the user's companies", Method::Get, "/companies", "getUserCompanies"),
            ("getUserById", Method::Get, "/users/{id}", "getUserById"),
            ("New user", Method::Post, "/users", "createNewUser"),
            ("Get a list of users", Method::Get, "/users", "getListOfUsers"),
            ("Show status", Method::Get, "/statuses/{id}", "showStatus"),
            ("Login", Method::Post, "/{x}", "login"),
            ("Login", Method::Post, "/login", "login"),
            // The item's own verb wins over the method's.
            ("Unassign a role", Method::Delete, "/roles/{roleId}/members/{memberId}", "unassignRole"),
            ("Subscribe to a plan", Method::Post, "/accounts/{id}/plans", "subscribeAccountToPlan"),
            ("Switch a user's account", Method::Put, "/accounts/{id}/users/{id}/account", "switchUserAccount"),
            ("Reticulate the splines", Method::Post, "/splines", "reticulateSplines"),
            ("All the users", Method::Get, "/users", "getAllUsers"),
            ("The users", Method::Get, "/users", "getUsers"),
            ("Download an invoice file", Method::Get, "/api/download/invoices/{id}", "downloadInvoiceFile"),
            ("List past webinars' Q&A", Method::Get, "/past_webinars/{id}/qa", "listPastWebinarsQa"),
            ("Get meeting reports", Method::Get, "/report/meetings/{id}", "getMeetingReports"),
            ("Create a note [createNote]", Method::Post, "/notes", "createNote"),
            ("Look up a build", Method::Get, "/data/builds/{id}", "lookUpDataBuild"),
            ("Permanently delete a file", Method::Delete, "/files/{id}/trash", "permanentlyDeleteFile"),
            ("Plan A", Method::Get, "/plans", "getPlanA"),
            // Letters of every script.
            ("Añadir almacén", Method::Post, "/depots", "anadirDepotAlmacen"),
            ("Wähle Größe", Method::Get, "/groessen", "getGroessenWahleGrosse"),
            ("Me\u{301}moire de l’été", Method::Get, "/m\u{e9}moires", "getMemoireDeLete"),
            ("Größe löschen", Method::Delete, "/depots/{id}", "loschenDepotGrosse"),
            ("Создать склад", Method::Post, "/depots", "sozdatDepotSklad"),
            ("仓库 depot 列表", Method::Get, "/depots", "getCangKuDepotLieBiao"),
            ("倉庫リスト", Method::Get, "/depots", "getDepotCangKuRisuto"),
            ("📦 Ship a depot ❤️", Method::Get, "/depots", "shipDepot"),
            ("List ‘open’ depots – all", Method::Get, "/depots", "listOpenDepotsAll"),
            // Nothing is said twice.
            ("Check Load of a TimeSlot", Method::Get, "/timeslots/{id}", "checkLoadOfTimeSlot"),
            ("Create time slot", Method::Post, "/time-slots", "createTimeSlot"),
            ("Create TimeSlot", Method::Post, "/time_slot", "createTimeSlot"),
            ("Import Depot", Method::Post, "/imports", "importDepot"),
            ("Add depot", Method::Post, "/addDepot", "addDepot"),
            ("Create depot", Method::Post, "/add-depot", "createDepot"),
            ("Get depot by id", Method::Get, "/getDepotById/{id}", "getDepotById"),
            ("Get all slots", Method::Get, "/time-slots", "getTimeAllSlots"),
            ("POST Create depot", Method::Post, "/depots", "createDepot"),
            ("[GET] List depots", Method::Get, "/depots", "listDepots"),
            ("List depots (GET)", Method::Get, "/depots", "listDepots"),
            ("POST Raw text", Method::Post, "/post", "createRawText"),
            ("DELETE depot", Method::Delete, "/depots/{id}", "deleteDepot"),
            ("Post create depot", Method::Post, "/depots", "createDepot"),
            ("Get Get depot", Method::Get, "/depots/{id}", "getDepot"),
            ("Post a comment", Method::Post, "/comments", "postComment"),
            ("Depot create", Method::Post, "/depots", "createDepot"),
            ("Depot - Update", Method::Put, "/depots/{id}", "updateDepot"),
            ("Delete APIs", Method::Delete, "/apis", "deleteApis"),
            ("Get the user IDs", Method::Get, "/users", "getUserIds"),
            // The start of a path is not always its resource.
            ("Get all shelves", Method::Get, "/admin/api/{v}/shelves.json", "getAllShelves"),
            ("Count", Method::Get, "/admin/api/shelves.json", "countShelve"),
            ("List depots", Method::Get, "/index.php", "listDepots"),
            // The numbers of test cases are not words.
            ("01 - TC_12 Create depot 3", Method::Post, "/depots", "createDepot"),
            ("1. Create depot", Method::Post, "/depots", "createDepot"),
            ("TC07 Create depot", Method::Post, "/depots", "createDepot"),
            ("Create depot [TC-001]", Method::Post, "/depots", "createDepot"),
            ("Test case 4: Create depot", Method::Post, "/depots", "createDepot"),
            ("Step 2 - Create 2 depots", Method::Post, "/depots", "create2Depots"),
            ("#12 Create depot from v1", Method::Post, "/depots", "createDepotFromV1"),
        ] {
            assert_eq!(operation_id(name, method, path).as_deref(), Some(id), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_id_consists_of_letters_and_digits(
            name in "([a-zA-Z]{1,3}|a|the|get|GET|TC|[0-9]|Q&A|'s|\\[|ß|用|я|e\u{301}|🙂|\\PC| )*",
            path in "(/([a-zé{}%9]{0,6}|\\PC{0,30})){0,4}",
        ) {
            let own = operation_id(&name, Method::Get, &path);
            for id in own.into_iter().chain([from_path(Method::Get, &path), numbered(&from_path(Method::Get, &path), 1234)]) {
                prop_assert!(id.len() <= LONGEST && id.starts_with(|c: char| c.is_ascii_lowercase()), "{id}");
                prop_assert!(id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
            }
        }

        #[test]
        fn what_all_paths_share_is_followed_by_something(paths in prop::collection::vec("(/(a|b|v1|\\{x\\})){0,4}", 0..4)) {
            let shared = shared_prefix(&paths.iter().map(String::as_str).collect::<Vec<_>>());
            for path in &paths {
                prop_assert!(shared.is_empty() || path.strip_prefix(shared).is_some_and(|rest| rest.len() > 1));
            }
        }
    }

    #[test]
    fn a_prefix_that_all_paths_share_is_not_a_resource() {
        for (paths, prefix) in [
            (&["/shop/v2/depots", "/shop/v2/slots/{id}"][..], "/shop/v2"),
            (&["/shop/depots", "/shop/depots/{id}"], "/shop"),
            (&["/api/v2/{tenant}/depots", "/api/v2/slots"], "/api/v2"),
            (&["/meetings/{id}", "/meetings/{id}/stream"], ""),
            (&["/shop/depots", "/shop"], ""),
            (&["/shop/depots", "/depots"], ""),
            (&["/shop/depots"], ""),
            (&[], ""),
        ] {
            assert_eq!(shared_prefix(paths), prefix, "{paths:?}");
        }
    }

    #[test]
    fn a_name_without_usable_words_gives_no_id() {
        let long = "Get every single depot of the whole wide region, however very far away it may be";
        for name in ["", "/users/:id", "{{baseUrl}}", "🙂", "…", "GET", "404", "TC_1", "get 𐘴", long] {
            assert_eq!(operation_id(name, Method::Get, "/users"), None, "{name}");
        }
        assert_eq!(from_path(Method::Get, "/users/{userId}/x.{format}"), "getUsersByUserIdXByFormat");
        assert_eq!(from_path(Method::Get, "/"), "getRoot");
        assert_eq!(from_path(Method::Get, "/Größe/%C3%A9t%C3%A9"), "getGrosseEte");
        let long = format!("/first{}/last", "/another-part".repeat(9));
        let named = from_path(Method::Get, &long);
        assert_eq!(named, "getAnotherPartAnotherPartAnotherPartAnotherPartAnotherPartLast", "its end says more");
        assert_eq!(from_path(Method::Get, &format!("/{}", "x".repeat(99))).len(), LONGEST);
    }
}
