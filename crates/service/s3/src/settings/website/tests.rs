//! Websites, read and routed.

use api_s3::{
    Condition, ErrorDocument, IndexDocument, Redirect, RedirectAllRequestsTo, RoutingRule,
    WebsiteConfiguration,
};

use super::{Here, Plan, Website};

const HERE: Here<'_> = Here { scheme: "http", host: "site.localhost:1" };

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// `prefix status -> host code prefix-replacement whole`; empty is absent.
fn rule(when: [&str; 2], to: [&str; 4]) -> RoutingRule {
    let condition = Condition {
        key_prefix_equals: some(when[0]),
        http_error_code_returned_equals: some(when[1]),
    };
    RoutingRule {
        condition: (when != ["", ""]).then_some(condition),
        redirect: Redirect {
            host_name: some(to[0]),
            http_redirect_code: some(to[1]),
            replace_key_prefix_with: some(to[2]),
            replace_key_with: some(to[3]),
            protocol: None,
        },
    }
}

fn site(rules: Vec<RoutingRule>) -> WebsiteConfiguration {
    WebsiteConfiguration {
        index_document: Some(IndexDocument { suffix: "index.html".into() }),
        error_document: Some(ErrorDocument { key: "error.html".into() }),
        routing_rules: (!rules.is_empty()).then_some(rules),
        redirect_all_requests_to: None,
    }
}

#[test]
fn configurations_are_checked() {
    let check = |input: WebsiteConfiguration, expected: &str| {
        let got = Website::from_api(input).map_or_else(|f| f.to_string(), |_| "fine".into());
        assert!(got.contains(expected), "{got} lacks {expected}");
    };
    let everything = |host: &str, protocol: Option<&str>| {
        let host_name = host.to_owned();
        Some(RedirectAllRequestsTo { host_name, protocol: protocol.map(Into::into) })
    };
    check(site(vec![]), "fine");
    check(WebsiteConfiguration::default(), "A value for IndexDocument Suffix");
    let index = |suffix: &str| WebsiteConfiguration {
        index_document: Some(IndexDocument { suffix: suffix.into() }),
        ..Default::default()
    };
    check(index("a/b"), "not well formed");
    check(index(""), "not well formed");
    let all = |host: &str, protocol| WebsiteConfiguration {
        redirect_all_requests_to: everything(host, protocol),
        ..Default::default()
    };
    check(all("a.example", Some("https")), "fine");
    check(all("a.example", Some("ftp")), "Invalid protocol");
    check(all("a\r\nset-cookie: x", None), "HostName");
    let both = WebsiteConfiguration {
        redirect_all_requests_to: everything("a.example", None),
        ..site(vec![])
    };
    check(both, "cannot be provided in conjunction");
    check(site(vec![rule(["a", "404"], ["h", "302", "x", ""])]), "fine");
    check(site(vec![rule(["a", ""], ["", "", "x", "y"])]), "but not both");
    check(site(vec![rule(["a", "200"], ["h", "", "", ""])]), "error code (200)");
    check(site(vec![rule(["a", ""], ["h", "300", "", ""])]), "redirect code (300)");
    check(site(vec![rule(["a", ""], ["", "", "", ""])]), "MalformedXML");
    check(site(vec![rule(["a", ""], ["h", "", "", ""]); 51]), "limited to 50");
    let mut empty = rule(["a", ""], ["h", "", "", ""]);
    empty.condition = Some(Condition::default());
    check(site(vec![empty]), "Condition cannot be empty");
}

#[test]
fn requests_are_planned() {
    let website = Website::from_api(site(vec![
        rule(["docs/", ""], ["", "", "documents/", ""]),
        rule(["gone/", ""], ["", "307", "", "bye.html"]),
        rule(["", "404"], ["other.example", "", "report-404/", ""]),
        rule(["secret/", "403"], ["", "302", "", "login.html"]),
    ]))
    .expect("a website");
    let shown = |plan: Plan| match plan {
        Plan::Redirect(location) => format!("{} {}", location.status, location.url),
        Plan::Show { key, folder_page } => format!("{key} {}", folder_page.unwrap_or_default()),
    };
    let check = |key: &str, expected: &str| {
        assert_eq!(shown(website.plan(key, &HERE)).trim_end(), expected, "{key}");
    };
    check("", "index.html");
    check("a/", "a/index.html");
    check("a", "a a/index.html");
    check("docs/x y\r\n", "301 http://site.localhost:1/documents/x%20y%0D%0A");
    check("gone/x", "307 http://site.localhost:1/bye.html");
    let failed = |key: &str, status: u16, expected: &str| {
        let got = website.redirect(key, Some(status), &HERE).map(Plan::Redirect).map(shown);
        assert_eq!(got.unwrap_or_default(), expected, "{key} {status}");
    };
    failed("x", 404, "301 http://other.example/report-404/x");
    failed("x", 403, "");
    failed("secret/x", 403, "302 http://site.localhost:1/login.html");
}

#[test]
fn everything_can_be_sent_away() {
    let everything =
        RedirectAllRequestsTo { host_name: "a.example".into(), protocol: Some("https".into()) };
    let input =
        WebsiteConfiguration { redirect_all_requests_to: Some(everything), ..Default::default() };
    let website = Website::from_api(input).expect("a website");
    let Plan::Redirect(location) = website.plan("ä/b", &HERE) else { panic!("no redirect") };
    assert_eq!((location.status, &*location.url), (301, "https://a.example/%C3%A4/b"));
}
