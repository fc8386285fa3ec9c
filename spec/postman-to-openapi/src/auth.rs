//! How requests are authorized: the scheme, never a credential.

use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

use crate::format;
use crate::name;
use crate::postman::{self, Raw};
use crate::schema::Members;
use crate::secret::{self, Secrets};
use crate::variables::Variables;

/// What a request says about its authorization.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Security {
    /// Nothing.
    #[default]
    Unsaid,
    /// No authorization is needed.
    Open,
    /// Any one of these is enough.
    Any(Vec<Requirement>),
}

/// One way to authorize a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The scheme.
    pub scheme: Scheme,
    /// The scopes, all of which are needed.
    pub scopes: Vec<String>,
    /// Its position among the alternatives, to keep their order.
    pub rank: usize,
}

/// A security scheme, as far as OpenAPI 3.0 distinguishes them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// An `Authorization` header of this scheme.
    Http(&'static str),
    /// A key.
    ApiKey {
        /// `header`, `query` or `cookie`.
        place: &'static str,
        /// Its name there.
        name: String,
    },
    /// OAuth 2.0.
    OAuth2(Flow),
}

/// An OAuth 2.0 flow; what is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Flow {
    /// OpenAPI's name of the flow.
    #[serde(skip)]
    pub name: &'static str,
    /// Where the user is sent to authorize.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub authorization_url: String,
    /// Where tokens come from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_url: String,
    /// Where tokens are refreshed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub refresh_url: String,
}

/// Reads an `auth` member; its values count as secrets.
pub fn read(raw: Raw<'_>, variables: &Variables<'_>, secrets: &mut Secrets) -> Security {
    let mut kind = None;
    let mut attributes: BTreeMap<String, String> = BTreeMap::new();
    if let Some(text) = postman::filled(raw) {
        kind = Some(text.into_owned());
    }
    postman::entries(raw, |member| {
        let Some(name) = postman::text(member.key) else { return };
        if name == "type" {
            kind = postman::text(member.value).map(|kind| kind.into_owned());
            return;
        }
        postman::entries(member.value, |attribute| {
            if let (Some(key), Some(value)) = (postman::text(attribute.key), postman::text(attribute.value)) {
                attributes.insert(key.into_owned(), variables.expand(&value).into_owned());
            }
        });
    });
    let Some(kind) = kind.map(|kind| kind.to_ascii_lowercase()) else { return Security::Unsaid };
    for (key, value) in &attributes {
        const PUBLIC: &str = "in key grant_type authUrl accessTokenUrl refreshTokenUrl scope addTokenTo algorithm \
            signatureMethod tokenType headerPrefix tokenName region service version realm";
        let is_public = name::has(PUBLIC, key) && !(key == "key" && kind != "apikey");
        // An audience or a base URL is not a secret.
        if !is_public && !matches!(value.as_str(), "true" | "false") && !secret::is_address(value) {
            secrets.learn(value);
        }
    }
    let get = |key: &str| attributes.get(key).map(String::as_str).unwrap_or_default();
    let scheme = match kind.as_str() {
        "noauth" => return Security::Open,
        "bearer" | "jwt" | "asap" => Scheme::Http("bearer"),
        "basic" => Scheme::Http("basic"),
        "digest" => Scheme::Http("digest"),
        "ntlm" => Scheme::Http("negotiate"),
        "oauth1" => Scheme::Http("oauth"),
        "hawk" => Scheme::Http("hawk"),
        "awsv4" => Scheme::Http("aws4-hmac-sha256"),
        "edgegrid" => Scheme::Http("eg1-hmac-sha256"),
        "apikey" => {
            let place = if get("in") == "query" { "query" } else { "header" };
            let name = if get("key").is_empty() || get("key").contains("{{") { "X-API-Key" } else { get("key") };
            Scheme::ApiKey { place, name: name.to_owned() }
        }
        "oauth2" => Scheme::OAuth2(flow(&get)),
        _ => return Security::Unsaid,
    };
    let scopes = get("scope").split([' ', ',']).filter(|scope| !scope.is_empty() && !scope.contains("{{"));
    let scopes = match scheme {
        Scheme::OAuth2(_) => scopes.map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Security::Any(vec![Requirement { scheme, scopes, rank: 0 }])
}

fn flow<'v>(get: &impl Fn(&str) -> &'v str) -> Flow {
    let url = |key: &str| Some(get(key)).filter(|url| format::of(url) == Some("uri")).unwrap_or_default().to_owned();
    let name = match get("grant_type") {
        "implicit" => "implicit",
        "password" | "password_credentials" => "password",
        "client_credentials" => "clientCredentials",
        _ => "authorizationCode",
    };
    let mut flow = Flow {
        name,
        authorization_url: url("authUrl"),
        token_url: url("accessTokenUrl"),
        refresh_url: url("refreshTokenUrl"),
    };
    match name {
        "implicit" => flow.token_url.clear(),
        "password" | "clientCredentials" => flow.authorization_url.clear(),
        _ => {}
    }
    flow
}

/// The scheme of a hand-written `Authorization` header.
pub fn from_header(value: &str) -> Security {
    let scheme = value.split(' ').next().unwrap_or_default().to_ascii_lowercase();
    let scheme = match scheme.as_str() {
        "bearer" => Scheme::Http("bearer"),
        "basic" => Scheme::Http("basic"),
        "digest" => Scheme::Http("digest"),
        "oauth" => Scheme::Http("oauth"),
        _ => Scheme::ApiKey { place: "header", name: "Authorization".to_owned() },
    };
    Security::Any(vec![Requirement { scheme, scopes: Vec::new(), rank: 0 }])
}

impl Security {
    /// Adds the scopes named in a description, any one of which is enough.
    pub fn with_scopes(self, named: Vec<String>) -> Self {
        match self {
            Security::Any(requirements) if !named.is_empty() => {
                let mut any = Vec::new();
                for requirement in requirements {
                    match requirement.scheme {
                        Scheme::OAuth2(_) if requirement.scopes.is_empty() => {
                            any.extend(named.iter().enumerate().map(|(rank, scope)| Requirement {
                                scheme: requirement.scheme.clone(),
                                scopes: vec![scope.clone()],
                                rank,
                            }));
                        }
                        _ => any.push(requirement),
                    }
                }
                Security::Any(any)
            }
            other => other,
        }
    }

    /// Joins what two requests of one operation say: any scheme that either of them names is accepted.
    pub fn join(&mut self, other: Security) {
        match (&mut *self, other) {
            (_, Security::Unsaid) => {}
            (Security::Unsaid, other) => *self = other,
            (Security::Any(mine), Security::Any(others)) => {
                mine.extend(others);
                mine.sort();
                mine.dedup();
            }
            (Security::Open, any @ Security::Any(_)) => *self = any,
            (_, Security::Open) => {}
        }
    }
}

/// The schemes in use, and their names.
#[derive(Debug, Default)]
pub struct Schemes {
    names: BTreeMap<Scheme, String>,
    scopes: BTreeMap<String, BTreeSet<String>>,
    known_only: bool,
}

impl Schemes {
    /// Adds the schemes of an operation.
    pub fn add(&mut self, security: &Security) {
        let Security::Any(requirements) = security else { return };
        for requirement in requirements {
            self.names.entry(requirement.scheme.clone()).or_default();
        }
    }

    /// Names the schemes, independently of the order in which they were added.
    pub fn name(&mut self) {
        let mut flows: Vec<BTreeMap<&'static str, Flow>> = Vec::new();
        let mut keys: BTreeSet<String> = BTreeSet::new();
        for (scheme, name) in &mut self.names {
            *name = match scheme {
                Scheme::Http(scheme) => (*scheme).to_owned(),
                Scheme::ApiKey { place, name } => {
                    // The same key may be sent in a header by one request and in the query by another.
                    let mut key = format!("apiKey-{}", name::plain(name));
                    while !keys.insert(key.clone()) {
                        key = format!("{key}-{place}");
                    }
                    key
                }
                Scheme::OAuth2(flow) => {
                    let known = |flows: &BTreeMap<&str, Flow>| {
                        flows.get(flow.name).is_none_or(|known| known == flow || known.is_bare())
                    };
                    let at = flows.iter().position(known).unwrap_or(flows.len());
                    if at == flows.len() {
                        flows.push(BTreeMap::new());
                    }
                    flows[at].insert(flow.name, flow.clone());
                    if at == 0 { "oauth2".to_owned() } else { format!("oauth2-{}", at + 1) }
                }
            };
        }
    }

    /// The requirements of one operation, by the schemes' names.
    pub fn requirements(&mut self, security: &Security) -> Option<Vec<(String, Vec<String>)>> {
        let requirements = match security {
            Security::Unsaid => return None,
            Security::Open => return Some(Vec::new()),
            Security::Any(requirements) => requirements,
        };
        let mut named: Vec<(usize, String, Vec<String>)> = Vec::new();
        for Requirement { scheme, scopes, rank } in requirements {
            let name = self.names.get(scheme).cloned().unwrap_or_default();
            if matches!(scheme, Scheme::OAuth2(_)) {
                self.scopes.entry(name.clone()).or_default().extend(scopes.iter().cloned());
            }
            if !named.iter().any(|(_, known, with)| (known, with) == (&name, scopes)) {
                named.push((*rank, name, scopes.clone()));
            }
        }
        named.sort_by(|a, b| (&a.1, a.0, &a.2).cmp(&(&b.1, b.0, &b.2)));
        Some(named.into_iter().map(|(_, name, scopes)| (name, scopes)).collect())
    }

    /// Drops flows with missing URLs, which OpenAPI does not allow. Returns the names of their schemes.
    pub fn drop_unknown_flows(&mut self) -> BTreeSet<String> {
        self.known_only = true;
        let unknown =
            self.names.iter().filter(|(scheme, _)| matches!(scheme, Scheme::OAuth2(flow) if !flow.is_known()));
        unknown.map(|(_, name)| name.clone()).collect()
    }

    /// Whether there are no schemes.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// The URLs that an OAuth 2.0 flow must have.
pub fn urls(flow: &str) -> &'static [&'static str] {
    match flow {
        "implicit" => &["authorizationUrl"],
        "authorizationCode" => &["authorizationUrl", "tokenUrl"],
        _ => &["tokenUrl"],
    }
}

impl Flow {
    fn is_known(&self) -> bool {
        urls(self.name).iter().all(|url| match *url {
            "authorizationUrl" => !self.authorization_url.is_empty(),
            _ => !self.token_url.is_empty(),
        })
    }

    fn is_bare(&self) -> bool {
        self.authorization_url.is_empty() && self.token_url.is_empty()
    }
}

impl Serialize for Schemes {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut named: BTreeMap<&str, Vec<&Scheme>> = BTreeMap::new();
        for (scheme, name) in &self.names {
            named.entry(name).or_default().push(scheme);
        }
        Members(named.iter().map(|(name, schemes)| (name, self.object(name, schemes)))).serialize(out)
    }
}

impl Schemes {
    /// The object that the schemes of one name are written as.
    fn object<'a>(&'a self, name: &str, schemes: &[&'a Scheme]) -> SchemeObject<'a> {
        let mut flows = BTreeMap::new();
        for scheme in schemes {
            match scheme {
                Scheme::Http(scheme) => return SchemeObject::Http { scheme },
                Scheme::ApiKey { place, name } => return SchemeObject::ApiKey { name, place },
                Scheme::OAuth2(flow) if flow.is_known() || !self.known_only => {
                    let scopes = self.scopes.get(name).into_iter().flatten().map(|scope| (scope.as_str(), ""));
                    flows.insert(flow.name, FlowObject { flow, scopes: scopes.collect() });
                }
                Scheme::OAuth2(_) => {}
            }
        }
        SchemeObject::OAuth2 { flows }
    }
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum SchemeObject<'a> {
    #[serde(rename = "http")]
    Http { scheme: &'a str },
    #[serde(rename = "apiKey")]
    ApiKey {
        name: &'a str,
        #[serde(rename = "in")]
        place: &'a str,
    },
    #[serde(rename = "oauth2")]
    OAuth2 { flows: BTreeMap<&'static str, FlowObject<'a>> },
}

#[derive(Serialize)]
struct FlowObject<'a> {
    #[serde(flatten)]
    flow: &'a Flow,
    scopes: BTreeMap<&'a str, &'static str>,
}
