//! Operation ids: a pure function of one item, so that no other item can change it.

use crate::operation::Method;

/// First words that say what an operation does.
const VERBS: [&str; 78] = [
    "accept",
    "activate",
    "add",
    "apply",
    "approve",
    "archive",
    "assign",
    "authenticate",
    "authorize",
    "batch",
    "block",
    "bulk",
    "calculate",
    "cancel",
    "change",
    "check",
    "clear",
    "close",
    "complete",
    "confirm",
    "connect",
    "convert",
    "copy",
    "count",
    "create",
    "deactivate",
    "delete",
    "deny",
    "disable",
    "disconnect",
    "download",
    "edit",
    "enable",
    "end",
    "execute",
    "export",
    "fetch",
    "find",
    "follow",
    "generate",
    "get",
    "import",
    "invite",
    "join",
    "leave",
    "list",
    "lock",
    "login",
    "logout",
    "lookup",
    "make",
    "mark",
    "merge",
    "move",
    "open",
    "patch",
    "perform",
    "post",
    "publish",
    "put",
    "query",
    "read",
    "register",
    "reject",
    "remove",
    "rename",
    "replace",
    "reset",
    "retrieve",
    "revoke",
    "run",
    "search",
    "send",
    "set",
    "start",
    "stop",
    "update",
    "upload",
];

/// Words that lead to one that was taken out.
const DANGLING: [&str; 9] = ["at", "by", "for", "from", "in", "of", "on", "to", "with"];

const ARTICLES: [&str; 3] = ["a", "an", "the"];

/// Names an operation after its item: verb, resource, and the rest of the name. `None` when the name
/// has no word to offer.
pub fn operation_id(name: &str, method: Method, path: &str) -> Option<String> {
    // A name that is an address says no more than the method and path do.
    if name.contains(['/', '{']) {
        return None;
    }
    let mut words = words(name);
    words.retain(|word| !ARTICLES.contains(&word.as_str()));
    let verb = match words.first() {
        Some(first) if VERBS.contains(&first.as_str()) => words.remove(0),
        Some(_) => verb(method).to_owned(),
        None => return None,
    };
    let mut id = verb;
    if let Some(segment) = resource(path) {
        let plural = self::words(segment);
        let mut singular = plural.clone();
        if let Some(last) = singular.last_mut() {
            *last = singularized(last);
        }
        // The name's own form of the resource is the one to keep, once.
        let own = [&plural, &singular].into_iter().find(|form| take(&mut words, form));
        own.unwrap_or(&singular).iter().for_each(|word| push(&mut id, word));
        while take(&mut words, &plural) || take(&mut words, &singular) {}
    }
    // What is left of "list of users" once the users are taken out.
    while words.last().is_some_and(|last| DANGLING.contains(&last.as_str())) {
        words.pop();
    }
    words.iter().for_each(|word| push(&mut id, word));
    sound(id)
}

/// Names an operation after its method and path: for what has no name, or one that another has too.
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

/// The first segment that is neither a parameter nor a version.
pub fn resource(path: &str) -> Option<&str> {
    path.split('/').find(|segment| {
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

/// A name of letters, digits, `_`, `-` and `.`, which alone may stand in a path's braces or as a component's key.
pub fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' }).collect()
}

/// Lower-case words of letters and digits, taken apart at case changes too.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let chars: Vec<char> = text.chars().take(200).collect();
    let mut inside = false;
    for (at, &c) in chars.iter().enumerate() {
        // `meeting's` is one word.
        if c == '\'' || c == '’' {
            continue;
        }
        if !c.is_ascii_alphanumeric() {
            inside = false;
            continue;
        }
        let before = at.checked_sub(1).and_then(|before| chars.get(before)).copied().unwrap_or(' ');
        let after = chars.get(at + 1).copied().unwrap_or(' ');
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

/// Removes a run of words.
fn take(words: &mut Vec<String>, run: &[String]) -> bool {
    if run.is_empty() {
        return false;
    }
    match words.windows(run.len()).position(|window| window == run) {
        Some(at) => {
            words.drain(at..at + run.len());
            true
        }
        None => false,
    }
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
            ("Get the user's companies", Method::Get, "/companies", "getCompaniesUsers"),
            ("getUserById", Method::Get, "/users/{id}", "getUserById"),
            ("New user", Method::Post, "/users", "createUserNew"),
            ("Get a list of users", Method::Get, "/users", "getUsersList"),
            ("Show status", Method::Get, "/statuses/{id}", "getStatusShow"),
            ("Login", Method::Post, "/{x}", "login"),
        ] {
            assert_eq!(operation_id(name, method, path).as_deref(), Some(id), "{name}");
        }
    }

    #[test]
    fn a_name_that_says_nothing_gives_no_id() {
        for name in ["", "/users/:id", "{{baseUrl}}", "用户", "…"] {
            assert_eq!(operation_id(name, Method::Get, "/users"), None, "{name}");
        }
        assert_eq!(from_path(Method::Get, "/users/{userId}/x.{format}"), "getUsersByUserIdXByFormat");
        assert_eq!(from_path(Method::Get, "/"), "getRoot");
    }
}
