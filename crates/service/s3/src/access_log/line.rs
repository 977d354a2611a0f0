//! A line of an access log: which fields it has, in which order and form ("Amazon S3 server access
//! log format"). What is not known is a hyphen.

use std::borrow::Cow;
use std::fmt::Write as _;

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HOST, HeaderName, REFERER, USER_AGENT};
use kernel::{Principal, Timestamp, Told, VisitKind};
use shape::TimeFormat;

use crate::buckets;
use crate::records::Bucket;
use crate::settings::tags::{form_decode, form_encode};

/// What lifecycle rules are called.
const LIFECYCLE: &str = "AmazonS3";

/// An object that a line is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object {
    pub key: String,
    pub version_id: Option<String>,
    pub size: Option<u64>,
    /// What became of it in a request about many: the status, and the error's code.
    pub outcome: Option<(u16, Option<String>)>,
}

/// A line. Fields that are `None` or empty are not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Line<'a> {
    at: Timestamp,
    remote_ip: Option<String>,
    requester: Option<String>,
    request_id: Cow<'a, str>,
    operation: Cow<'a, str>,
    key: Option<String>,
    /// Method, URI and protocol.
    request: Option<String>,
    status: Option<u16>,
    code: Option<String>,
    sent_bytes: Option<u64>,
    object_bytes: Option<u64>,
    total_ms: Option<u128>,
    turn_around_ms: Option<u128>,
    referer: Option<&'a str>,
    user_agent: Option<&'a str>,
    version_id: Option<String>,
    host_id: Option<&'a str>,
    signature: Option<&'static str>,
    cipher: Option<&'static str>,
    authentication: Option<&'static str>,
    host: Option<&'a str>,
    tls: Option<&'static str>,
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().filter(|text| !text.is_empty())
}

fn number(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

impl<'a> Line<'a> {
    /// Of a request.
    pub fn of_request(told: &'a Told) -> Self {
        let operation = operation(told);
        let origin = &told.origin;
        let principal = told.principal.as_ref().or(told.answered.principal.as_ref());
        let uri = told.uri.path_and_query().map_or("/", |text| text.as_str());
        let on_object = ["OBJECT", "PART"].iter().any(|kind| operation.ends_with(kind));
        let is_upload = matches!(told.method.as_str(), "PUT" | "POST");
        Line {
            at: told.came,
            remote_ip: origin.source_ip.map(|ip| ip.to_string()),
            requester: principal.and_then(requester),
            request_id: told.request_id.as_str().into(),
            key: told.answered.key.clone().or_else(|| key(&told.path)),
            request: Some(format!("{} {uri} {:?}", told.method, told.version)),
            status: Some(told.status.as_u16()),
            code: told.answered.code.as_deref().map(str::to_owned),
            sent_bytes: Some(told.sent_bytes).filter(|sent| *sent > 0),
            object_bytes: on_object.then(|| object_bytes(told)).flatten(),
            total_ms: Some(told.until_end.as_millis()),
            // When the last byte of an upload came is not known.
            turn_around_ms: Some(told.until_answer.as_millis()).filter(|_| !is_upload),
            referer: text(&told.headers, REFERER),
            user_agent: text(&told.headers, USER_AGENT),
            version_id: version_id(told.uri.query().unwrap_or_default()),
            host_id: text(&told.answer, HeaderName::from_static("x-amz-id-2")),
            signature: origin.signature_version.map(|version| match version {
                "AWS4-HMAC-SHA256" => "SigV4",
                _ => "SigV2",
            }),
            cipher: origin.tls_cipher,
            authentication: origin.auth_type.and_then(|kind| match kind {
                "REST-HEADER" => Some("AuthHeader"),
                "REST-QUERY-STRING" => Some("QueryString"),
                _ => None,
            }),
            host: text(&told.headers, HOST)
                .or_else(|| told.uri.authority().map(|authority| authority.as_str())),
            tls: origin.tls_version.map(|version| match version {
                "1.3" => "TLSv1.3",
                _ => "TLSv1.2",
            }),
            operation,
        }
    }

    /// Of the source of a copy.
    pub fn of_source(told: &'a Told, key: &str, version_id: Option<&str>) -> Self {
        let line = Line::of_request(told);
        Line {
            operation: format!("{}_GET", line.operation).into(),
            key: Some(key.to_owned()),
            version_id: version_id.map(str::to_owned),
            sent_bytes: None,
            ..line
        }
    }

    /// Of one object of a request about many, whose own line this is.
    pub fn of_batch(&self, object: &Object) -> Line<'a> {
        let (status, code) = object.outcome.clone().unzip();
        Line {
            operation: "BATCH.DELETE.OBJECT".into(),
            key: Some(object.key.clone()),
            request: None,
            status,
            code: code.flatten(),
            sent_bytes: None,
            object_bytes: object.size,
            total_ms: None,
            referer: None,
            user_agent: None,
            version_id: object.version_id.clone(),
            ..self.clone()
        }
    }

    /// Of what a lifecycle rule did.
    pub fn of_rule(
        operation: &'a str,
        object: &Object,
        at: Timestamp,
        request_id: &'a str,
    ) -> Line<'a> {
        Line {
            at,
            requester: Some(LIFECYCLE.to_owned()),
            request_id: request_id.into(),
            operation: operation.into(),
            key: Some(object.key.clone()),
            object_bytes: object.size,
            version_id: object.version_id.clone(),
            ..Line::default()
        }
    }

    /// The day it belongs to: `2019-02-06`.
    pub fn day(&self) -> String {
        self.at.format(TimeFormat::Iso8601).chars().take(10).collect()
    }

    /// The line, with its end.
    pub fn text(&self, bucket: &Bucket) -> String {
        let mut line = buckets::canonical_id(&bucket.account);
        // `Wed, 06 Feb 2019 00:00:38 GMT`
        let date = self.at.format(TimeFormat::HttpDate);
        let date: Vec<&str> = date.split(' ').collect();
        if let [_, day, month, year, time, ..] = date[..] {
            let _ = write!(line, " {} [{day}/{month}/{year}:{time} +0000]", bucket.name);
        }
        let mut plain = |text: Option<&str>| {
            line.push(' ');
            line.extend(text.unwrap_or("-").chars().map(|c| if c == ' ' { '+' } else { c }));
        };
        plain(self.remote_ip.as_deref());
        plain(self.requester.as_deref());
        plain(Some(&self.request_id));
        plain(Some(&self.operation));
        let key = self.key.as_deref().map(|key| form_encode(key).replace("%2F", "/"));
        plain(key.as_deref());
        let quoted = |line: &mut String, text: Option<&str>| {
            // A quotation mark would end the field.
            let text = text.unwrap_or("-").replace('"', "%22");
            let _ = write!(line, " \"{text}\"");
        };
        quoted(&mut line, self.request.as_deref());
        let shown = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
        let _ = write!(
            line,
            " {} {} {} {} {} {}",
            shown(self.status.map(|status| status.to_string())),
            self.code.as_deref().unwrap_or("-"),
            shown(self.sent_bytes.map(|bytes| bytes.to_string())),
            shown(self.object_bytes.map(|bytes| bytes.to_string())),
            shown(self.total_ms.map(|ms| ms.to_string())),
            shown(self.turn_around_ms.map(|ms| ms.to_string())),
        );
        quoted(&mut line, self.referer);
        quoted(&mut line, self.user_agent);
        let mut plain = |text: Option<&str>| {
            line.push(' ');
            line.extend(text.unwrap_or("-").chars().map(|c| if c == ' ' { '+' } else { c }));
        };
        plain(self.version_id.as_deref());
        plain(self.host_id);
        plain(self.signature);
        plain(self.cipher);
        plain(self.authentication);
        plain(self.host);
        plain(self.tls);
        // No access points here; whether a list granted it is not remembered; nor the region of
        // the sender.
        line.push_str(" - - -\n");
        line
    }
}

/// The key of a path with its bucket in front.
fn key(path: &str) -> Option<String> {
    let (_, key) = path.strip_prefix('/')?.split_once('/')?;
    let key = form_decode(&key.replace('+', "%2B")).unwrap_or_else(|| key.to_owned());
    Some(key).filter(|key| !key.is_empty())
}

fn version_id(query: &str) -> Option<String> {
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix("versionId="));
    values.next().filter(|id| !id.is_empty()).map(str::to_owned)
}

fn requester(principal: &Principal) -> Option<String> {
    match principal {
        Principal::Anonymous => None,
        Principal::Root { account } => Some(buckets::canonical_id(account)),
        Principal::RootSession(root) => Some(buckets::canonical_id(&root.account)),
        other => Some(other.arn()),
    }
}

/// Bytes of the object that was sent or received.
fn object_bytes(told: &Told) -> Option<u64> {
    if !told.status.is_success() {
        return None;
    }
    match told.method.as_str() {
        "GET" | "HEAD" => {
            let range =
                text(&told.answer, CONTENT_RANGE).and_then(|range| range.rsplit('/').next());
            match range {
                Some(total) => total.parse().ok(),
                None => number(&told.answer, CONTENT_LENGTH),
            }
        }
        "PUT" => {
            let decoded = HeaderName::from_static("x-amz-decoded-content-length");
            number(&told.headers, decoded).or_else(|| number(&told.headers, CONTENT_LENGTH))
        }
        _ => None,
    }
}

/// `REST.GET.OBJECT`.
fn operation(told: &Told) -> Cow<'static, str> {
    let method = told.method.as_str();
    match told.kind {
        Some(VisitKind::Website) => return format!("WEBSITE.{method}.OBJECT").into(),
        Some(VisitKind::Form) => return "REST.POST.OBJECT".into(),
        None => {}
    }
    let resource = match told.operation.unwrap_or_default() {
        "CopyObject" => return "REST.COPY.OBJECT".into(),
        "UploadPartCopy" => return "REST.COPY.PART".into(),
        "AbortMultipartUpload" | "CompleteMultipartUpload" | "ListParts" => "UPLOAD",
        "CreateMultipartUpload" | "ListMultipartUploads" => "UPLOADS",
        "UploadPart" => "PART",
        "DeleteObjects" => "MULTI_OBJECT_DELETE",
        "ListObjectVersions" => "BUCKETVERSIONS",
        "RestoreObject" => "RESTORE",
        "GetObjectAttributes" => "OBJECT_ATTRIBUTES",
        other => match resource(other) {
            "" if key(&told.path).is_none() => "BUCKET",
            "" => "OBJECT",
            name => name,
        },
    };
    format!("REST.{method}.{resource}").into()
}

/// The sub-resource that an operation is about, as logs name it.
fn resource(operation: &str) -> &'static str {
    let verbs = ["Get", "Put", "Delete"];
    let name = verbs.iter().find_map(|verb| operation.strip_prefix(verb)).unwrap_or_default();
    match name {
        "BucketAccelerateConfiguration" => "ACCELERATE",
        "BucketAcl" | "ObjectAcl" => "ACL",
        "BucketCors" => "CORS",
        "BucketEncryption" => "ENCRYPTION",
        "BucketLifecycle" | "BucketLifecycleConfiguration" => "LIFECYCLE",
        "BucketLocation" => "LOCATION",
        "BucketLogging" => "LOGGING_STATUS",
        "BucketNotificationConfiguration" => "NOTIFICATION",
        "BucketOwnershipControls" => "OWNERSHIP_CONTROLS",
        "BucketPolicy" => "BUCKETPOLICY",
        "BucketPolicyStatus" => "BUCKETPOLICYSTATUS",
        "BucketReplication" => "REPLICATION",
        "BucketRequestPayment" => "REQUEST_PAYMENT",
        "BucketTagging" => "TAGGING",
        "BucketVersioning" => "VERSIONING",
        "BucketWebsite" => "WEBSITE",
        "ObjectLegalHold" => "LEGAL_HOLD",
        "ObjectLockConfiguration" => "OBJECT_LOCK_CONFIGURATION",
        "ObjectRetention" => "RETENTION",
        "ObjectTagging" => "OBJECT_TAGGING",
        "PublicAccessBlock" => "PUBLIC_ACCESS_BLOCK",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Method, StatusCode, Version};
    use kernel::{Answered, access::Origin};
    use std::time::Duration;

    fn told(method: Method, path: &str, operation: Option<&'static str>) -> Told {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost:4566"));
        headers.insert(USER_AGENT, HeaderValue::from_static("a \"b\""));
        Told {
            name: "photos".into(),
            path: path.split('?').next().unwrap_or_default().into(),
            kind: None,
            operation,
            principal: Some(Principal::root("111122223333")),
            origin: Origin {
                source_ip: Some([192, 0, 2, 3].into()),
                auth_type: Some("REST-HEADER"),
                signature_version: Some("AWS4-HMAC-SHA256"),
                ..Origin::default()
            },
            method,
            uri: path.parse().expect("a URI"),
            version: Version::HTTP_11,
            headers,
            request_id: "id".into(),
            status: StatusCode::OK,
            answer: HeaderMap::new(),
            answered: Answered::default(),
            sent_bytes: 0,
            came: Timestamp::from_ms(1_549_411_238_000),
            until_answer: Duration::from_millis(3),
            until_end: Duration::from_millis(7),
        }
    }

    fn bucket() -> Bucket {
        Bucket {
            name: "photos".into(),
            account: "111122223333".into(),
            region: "us-east-1".into(),
            created_ms: 0,
            versioning: Default::default(),
            object_lock: false,
        }
    }

    #[test]
    fn a_line_has_all_fields_in_order() {
        let mut told = told(Method::GET, "/photos/a%20b/%C3%A4?versionId=v1", Some("GetObject"));
        told.answer.insert(CONTENT_LENGTH, HeaderValue::from_static("12"));
        told.sent_bytes = 12;
        let owner = buckets::canonical_id("111122223333");
        let line = Line::of_request(&told);
        assert_eq!(line.day(), "2019-02-06");
        assert_eq!(
            line.text(&bucket()),
            format!(
                "{owner} photos [06/Feb/2019:00:00:38 +0000] 192.0.2.3 {owner} id REST.GET.OBJECT \
                 a%20b/%C3%A4 \"GET /photos/a%20b/%C3%A4?versionId=v1 HTTP/1.1\" 200 - 12 12 7 3 \
                 \"-\" \"a %22b%22\" v1 - SigV4 - AuthHeader localhost:4566 - - - -\n"
            )
        );
        let of_batch = line.of_batch(&Object {
            key: "k".into(),
            outcome: Some((204, None)),
            ..Object::default()
        });
        assert_eq!(
            of_batch.text(&bucket()),
            format!(
                "{owner} photos [06/Feb/2019:00:00:38 +0000] 192.0.2.3 {owner} id \
                 BATCH.DELETE.OBJECT k \"-\" 204 - - - - 3 \"-\" \"-\" - - SigV4 - AuthHeader \
                 localhost:4566 - - - -\n"
            )
        );
        let rule = Line::of_rule("S3.EXPIRE.OBJECT", &Object::default(), told.came, "r");
        assert_eq!(
            rule.text(&bucket()),
            format!(
                "{owner} photos [06/Feb/2019:00:00:38 +0000] - AmazonS3 r S3.EXPIRE.OBJECT  \"-\" \
                 - - - - - - \"-\" \"-\" - - - - - - - - - -\n"
            )
        );
    }

    #[test]
    fn names_of_requests() {
        let check = |method: Method, path: &str, name: Option<&'static str>, expected: &str| {
            assert_eq!(operation(&told(method, path, name)), expected);
        };
        check(Method::HEAD, "/b/k", Some("HeadObject"), "REST.HEAD.OBJECT");
        check(Method::GET, "/b", Some("ListObjectsV2"), "REST.GET.BUCKET");
        check(Method::GET, "/b/", None, "REST.GET.BUCKET");
        check(Method::PUT, "/b/k", None, "REST.PUT.OBJECT");
        check(Method::PUT, "/b?logging", Some("PutBucketLogging"), "REST.PUT.LOGGING_STATUS");
        check(Method::DELETE, "/b?cors", Some("DeleteBucketCors"), "REST.DELETE.CORS");
        check(Method::POST, "/b?delete", Some("DeleteObjects"), "REST.POST.MULTI_OBJECT_DELETE");
        check(Method::PUT, "/b/k", Some("CopyObject"), "REST.COPY.OBJECT");
    }

    #[test]
    fn nobody_forges_a_line() {
        let mut told = told(Method::GET, "/photos/k", Some("GetObject"));
        told.answered.key = Some("a\nb \" c".into());
        told.origin.source_ip = None;
        let text = Line::of_request(&told).text(&bucket());
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(text.contains(" a%0Ab%20%22%20c "), "{text}");
    }
}
