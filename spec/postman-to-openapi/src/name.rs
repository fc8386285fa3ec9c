//! Operation IDs: a pure function of one item, so that other items cannot change them.

use crate::method::Method;

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
    unregister unsubscribe update upgrade upload upsert use validate verify view vote withdraw write";

const ARTICLES: &str = "a an the";

/// Words that occur before an article but are not verbs.
const NOT_VERBS: &str = "about after all and as at before by during for from given half how in into is of on or over per such than that to \
    until via what when where which who with within without";

/// Whether a list of words has this one.
pub fn has(list: &str, word: &str) -> bool {
    list.as_bytes().split(|byte| *byte == b' ').any(|known| known == word.as_bytes())
}

/// Names an operation after its item: a verb, the path's resource unless the name mentions it, and the other words of the
/// name. `None` if the name has no usable words.
pub fn operation_id(name: &str, method: Method, path: &str) -> Option<String> {
    // A name that is a URL says no more than the method and path.
    if name.contains(['/', '{']) {
        return None;
    }
    let mut said = words(name);
    // The word before `a role` is a verb, even if it is not in the list.
    let led = matches!(said.as_slice(), [first, article, _, ..] if has(ARTICLES, article)
        && !has(ARTICLES, first) && !has(NOT_VERBS, first));
    let last = said.pop()?;
    said.retain(|word| !has(ARTICLES, word));
    said.push(last);
    // `Create a note [createNote]` says everything twice.
    let (once, again) = said.split_at(said.len() / 2);
    if once == again {
        said.truncate(once.len());
    }
    // `Permanently delete a file` has its own verb too.
    let adverb =
        matches!(said.as_slice(), [first, second, ..] if first.ends_with("ly") && second == verb(method));
    let own_verb = led || adverb || said.first().is_some_and(|first| has(VERBS, first));
    let verb = if own_verb { said.remove(0) } else { verb(method).to_owned() };
    let resource = resources(path).map(words).find(|words| *words != [verb.as_str()]).unwrap_or_default();
    let mut id = verb;
    // `Look up` is one verb.
    if own_verb && said.first().is_some_and(|first| has("up out off", first)) {
        push(&mut id, &said.remove(0));
    }
    let same = |a: &str, b: &str| a == b || singularized(a) == singularized(b);
    let is_said = said.windows(resource.len().max(1)).any(|window| {
        window.len() == resource.len() && window.iter().zip(&resource).all(|(a, b)| same(a, b))
    });
    if let Some((last, before)) = resource.split_last().filter(|_| !is_said) {
        before.iter().for_each(|word| push(&mut id, word));
        push(&mut id, &singularized(last));
    }
    said.iter().for_each(|word| push(&mut id, word));
    sound(id)
}

/// Names an operation after its method and path, if it has no unique name of its own.
pub fn from_path(method: Method, path: &str) -> String {
    let mut id = verb(method).to_owned();
    for segment in path.split('/') {
        let mut rest = segment;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            words(before).iter().for_each(|word| push(&mut id, word));
            push(&mut id, "by");
            words(name).iter().for_each(|word| push(&mut id, word));
            rest = after;
        }
        words(rest).iter().for_each(|word| push(&mut id, word));
    }
    if id == verb(method) {
        push(&mut id, "root");
    }
    id
}

fn verb(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "create",
        Method::Put => "replace",
        Method::Patch => "update",
        Method::Delete => "delete",
        Method::Head => "head",
        Method::Options => "options",
        Method::Trace => "trace",
    }
}

/// The first path segment that is neither a parameter nor a version.
pub fn resource(path: &str) -> Option<&str> {
    resources(path).next()
}

fn resources(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| {
        let version = segment.strip_prefix(['v', 'V']).is_some_and(|number| {
            number.starts_with(|c: char| c.is_ascii_digit())
                && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        });
        let base = matches!(segment.to_ascii_lowercase().as_str(), "" | "api" | "rest");
        !base
            && !version
            && !segment.contains(['{', '%'])
            && segment.bytes().any(|byte| byte.is_ascii_alphabetic())
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

/// A name reduced to letters, digits, `_`, `-` and `.`, the characters allowed in a path parameter or component key.
pub fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' }).collect()
}

/// The words of a text in lower case, split at case changes too.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let chars: Vec<char> = text.chars().take(200).collect();
    let mut inside = false;
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| chars.get(before)).copied().unwrap_or(' ');
        let after = chars.get(at + 1).copied().unwrap_or(' ');
        // `meeting's` counts as `meeting`, and `Q&A` as one word.
        let ends = |at: usize| chars.get(at).is_none_or(|c| !c.is_ascii_alphanumeric());
        let possessive = c == 's' && matches!(before, '\'' | '’') && ends(at + 1);
        let joins = matches!(c, '\'' | '’') || c == '&' && !ends(at + 1) && inside;
        if possessive || joins {
            continue;
        }
        if !c.is_ascii_alphanumeric() {
            inside = false;
            continue;
        }
        let hump = c.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || before.is_ascii_uppercase() && after.is_ascii_lowercase());
        if !inside || hump {
            words.push(String::new());
        }
        inside = true;
        if let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
    }
    words
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
    if let Some(stem) =
        word.strip_suffix("uses").filter(|stem| stem.len() > 2 && !stem.ends_with(['a', 'e', 'o']))
    {
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

fn sound(id: String) -> Option<String> {
    (id.len() <= 120 && id.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_verb_resource_and_the_rest_of_the_name() {
        for (name, method, path, id) in [
            (
                "Update a live stream",
                Method::Patch,
                "/meetings/{meetingId}/livestream",
                "updateMeetingLiveStream",
            ),
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
            (
                "Switch a user's account",
                Method::Put,
                "/accounts/{id}/users/{id}/account",
                "switchUserAccount",
            ),
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
        ] {
            assert_eq!(operation_id(name, method, path).as_deref(), Some(id), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_id_consists_of_letters_and_digits(
            name in "([a-zA-Z]{1,3}|a|the|get|Q&A|'s|\\[|ß|用| )*",
            path in "(/[a-zé{}]{0,6}){0,4}",
        ) {
            if let Some(id) = operation_id(&name, Method::Get, &path) {
                prop_assert!(id.starts_with(|c: char| c.is_ascii_lowercase()), "{id}");
                prop_assert!(id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
            }
        }
    }

    #[test]
    fn a_name_without_usable_words_gives_no_id() {
        for name in ["", "/users/:id", "{{baseUrl}}", "用户", "…"] {
            assert_eq!(operation_id(name, Method::Get, "/users"), None, "{name}");
        }
        assert_eq!(from_path(Method::Get, "/users/{userId}/x.{format}"), "getUsersByUserIdXByFormat");
        assert_eq!(from_path(Method::Get, "/"), "getRoot");
    }
}
