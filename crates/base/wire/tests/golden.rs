//! One exchange in each protocol: the same request read, and the same output and error written.
//! Then what each makes of broken requests.

use expect_test::{Expect, expect};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde_json::{Value as Json, json};
use shape::{Dynamic, Fault, Model, Reading};
use wire::{Request, Routed, door};

fn model(protocol: &str) -> &'static Model {
    let http = match protocol {
        "rest-json" | "rest-xml" => {
            json!({"method": "PUT", "requestUri": "/flights/{Code}/seats", "responseCode": 201})
        }
        _ => json!({"method": "POST", "requestUri": "/"}),
    };
    let place = |location: &str, name: &str, shape: &str| match protocol {
        "rest-json" | "rest-xml" => {
            json!({"shape": shape, "location": location, "locationName": name})
        }
        _ => json!({"shape": shape}),
    };
    let source = json!({
        "metadata": {
            "protocol": protocol, "endpointPrefix": "flights", "apiVersion": "2026-01-01",
            "jsonVersion": "1.0", "targetPrefix": "Flights_20260101",
            "xmlNamespace": "https://flights.example/",
        },
        "operations": {"BookSeats": {
            "http": http,
            "input": {"shape": "BookSeatsInput"},
            "output": {"shape": "BookSeatsOutput", "resultWrapper": "BookSeatsResult"},
            "errors": [{"shape": "SoldOut"}],
        }},
        "shapes": {
            "BookSeatsInput": {"type": "structure", "required": ["Code", "Seats"], "members": {
                "Code": place("uri", "Code", "Text"),
                "At": {"shape": "Time"},
                "Seats": {"shape": "Seats"},
                "Tags": {"shape": "Tags"},
            }},
            "BookSeatsOutput": {"type": "structure", "members": {
                "Booking": {"shape": "Text"},
                "Etag": place("header", "ETag", "Text"),
                "Price": {"shape": "Price"},
                "At": {"shape": "Time"},
                "Seats": {"shape": "Seats"},
                "Tags": {"shape": "Tags"},
                "Ticket": {"shape": "Blob"},
            }},
            "SoldOut": {
                "type": "structure", "exception": true, "error": {"httpStatusCode": 409},
                "members": {"Message": {"shape": "Text"}, "Left": {"shape": "Count"}},
            },
            "Seats": {"type": "list", "member": {"shape": "Seat"}},
            "Seat": {"type": "structure", "members": {
                "Row": {"shape": "Count"}, "Window": {"shape": "Flag"},
            }},
            "Tags": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
            "Text": {"type": "string"}, "Count": {"type": "integer"}, "Flag": {"type": "boolean"},
            "Price": {"type": "double"}, "Time": {"type": "timestamp"}, "Blob": {"type": "blob"},
        },
    });
    let mut model = shape::botocore::load(&source, &|_| true).unwrap();
    model.service.error_namespace = "com.example.flights".to_owned();
    model.leak()
}

fn show(response: &Response<bytes::Bytes>) -> String {
    let mut text = format!("{}\n", response.status().as_u16());
    for (name, value) in response.headers() {
        text += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    match std::str::from_utf8(response.body()) {
        Ok(body) => format!("{text}\n{body}\n"),
        Err(_) => format!("{text}\n{}\n", response.body().escape_ascii()),
    }
}

/// Reads a request written as its head (`PUT /path?query`, header lines) and body; what cannot be
/// read is shown as the answer that the caller gets.
fn read(model: &'static Model, head: &str, body: &[u8]) -> String {
    let mut lines = head.lines();
    let (method, uri) = lines.next().unwrap().split_once(' ').unwrap();
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let body = bytes::Bytes::copy_from_slice(body);
    let request = Request { method, path, query, headers: &headers, body };
    let Routed::Operation(index) = wire::match_operation(model, &request) else {
        return "no operation\n".to_owned();
    };
    let op = &model.operations[index];
    let (mut input, mut reading) = (Dynamic::new(&op.input), Reading::default());
    match wire::read_request(model, op, &request, input.as_struct(), &mut reading) {
        Ok(()) => {
            let problems = shape::validate(input.as_struct(), &reading);
            let mut text = String::from_utf8(door::write(op, input.as_struct())).unwrap() + "\n";
            text.extend(problems.iter().map(|problem| format!("{problem}\n")));
            text
        }
        Err(error) => show(&wire::write_fault(model, Some(op), &error.fault(model), "id-1")),
    }
}

fn from_door(model: &'static Model, json: &Json, value: &mut Dynamic) {
    let (op, text) = (&model.operations[0], json.to_string());
    door::read(model, op, text.as_bytes(), value.as_struct(), &mut Reading::default()).unwrap();
}

fn check(protocol: &str, head: &str, body: impl AsRef<[u8]>, expected: Expect) {
    let model = model(protocol);
    let op = &model.operations[0];
    let mut output = Dynamic::new(&op.output);
    let value = json!({
        "Booking": "<한 & 1>", "Etag": "\"7\"", "Price": 1.5, "At": 1_795_305_600.5,
        "Seats": [{"Row": 7, "Window": true}, {}], "Tags": {"a": "b"}, "Ticket": "AP8=",
    });
    from_door(model, &value, &mut output);
    let mut detail = Dynamic::of(model.shape("SoldOut").unwrap());
    from_door(model, &json!({"Message": "Nothing left", "Left": 0}), &mut detail);
    let fault = Fault::modeled(detail.into_struct().unwrap());
    expected.assert_eq(&format!(
        "{}\n{}\n{}",
        read(model, head, body.as_ref()),
        show(&wire::write_response(model, op, output.as_struct(), "id-1")),
        show(&wire::write_fault(model, Some(op), &fault, "id-1")),
    ));
}

/// What is wrong with a request, as the caller is told.
fn refused(protocol: &str, head: &str, body: impl AsRef<[u8]>, expected: Expect) {
    expected.assert_eq(&read(model(protocol), head, body.as_ref()));
}

const TARGET: &str = "POST /\nx-amz-target: Flights_20260101.BookSeats";
const INPUT: &str =
    r#"{"Code":"KE 1","At":1795305600,"Seats":[{"Row":7,"Window":false}],"Tags":{"a":"b"}}"#;

#[test]
fn json() {
    check(
        "json",
        TARGET,
        INPUT,
        expect![[r#"
        {"Code":"KE 1","At":1795305600,"Seats":[{"Row":7,"Window":false}],"Tags":{"a":"b"}}

        200
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"Booking":"<한 & 1>","Etag":"\"7\"","Price":1.5,"At":1795305600.5,"Seats":[{"Row":7,"Window":true},{}],"Tags":{"a":"b"},"Ticket":"AP8="}

        409
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"__type":"com.example.flights#SoldOut","Message":"Nothing left","Left":0}
    "#]],
    );
}

#[test]
fn rest_json() {
    let body = r#"{"At":1795305600,"Seats":[{"Row":7,"Unknown":[{}]},null],"Tags":{"a":"b"}}"#;
    check(
        "rest-json",
        "PUT /flights/KE%201/seats",
        body,
        expect![[r#"
        {"Code":"KE 1","At":1795305600,"Seats":[{"Row":7},null],"Tags":{"a":"b"}}
        Value null at 'seats.2.member' failed to satisfy constraint: Member must not be null

        201
        x-amzn-requestid: id-1
        content-type: application/json
        etag: "7"

        {"Booking":"<한 & 1>","Price":1.5,"At":1795305600.5,"Seats":[{"Row":7,"Window":true},{}],"Tags":{"a":"b"},"Ticket":"AP8="}

        409
        content-type: application/json
        x-amzn-requestid: id-1
        x-amzn-errortype: SoldOut

        {"Message":"Nothing left","Left":0}
    "#]],
    );
}

#[test]
fn rest_xml() {
    let body = "<BookSeatsInput xmlns='https://flights.example/'><At>2026-11-22T00:00:00Z</At>\
        <Seats><member><Row>7</Row></member></Seats>\
        <Tags><entry><key>a</key><value>b</value></entry></Tags></BookSeatsInput>";
    check(
        "rest-xml",
        "PUT /flights/KE%201/seats",
        body,
        expect![[r#"
            {"Code":"KE 1","At":1795305600,"Seats":[{"Row":7}],"Tags":{"a":"b"}}

            201
            x-amzn-requestid: id-1
            content-type: application/xml
            etag: "7"

            <?xml version="1.0" encoding="UTF-8"?>
            <BookSeatsOutput xmlns="https://flights.example/"><Booking>&lt;한 &amp; 1&gt;</Booking><Price>1.5</Price><At>2026-11-22T00:00:00.500Z</At><Seats><member><Row>7</Row><Window>true</Window></member><member></member></Seats><Tags><entry><key>a</key><value>b</value></entry></Tags><Ticket>AP8=</Ticket></BookSeatsOutput>

            409
            x-amzn-requestid: id-1
            content-type: application/xml

            <ErrorResponse xmlns="https://flights.example/"><Error><Type>Sender</Type><Code>SoldOut</Code><Message>Nothing left</Message><Left>0</Left></Error><RequestId>id-1</RequestId></ErrorResponse>
        "#]],
    );
}

#[test]
fn query() {
    let body = "Action=BookSeats&Version=2026-01-01&Code=KE+1&At=2026-11-22T00%3A00%3A00Z\
        &Seats.member.2.Row=8&Seats.member.1.Row=7&Tags.entry.1.key=a&Tags.entry.1.value=b";
    check(
        "query",
        "POST /",
        body,
        expect![[r#"
        {"Code":"KE 1","At":1795305600,"Seats":[{"Row":7},{"Row":8}],"Tags":{"a":"b"}}

        200
        content-type: text/xml
        x-amzn-requestid: id-1

        <BookSeatsResponse xmlns="https://flights.example/"><BookSeatsResult><Booking>&lt;한 &amp; 1&gt;</Booking><Etag>&quot;7&quot;</Etag><Price>1.5</Price><At>2026-11-22T00:00:00.500Z</At><Seats><member><Row>7</Row><Window>true</Window></member><member></member></Seats><Tags><entry><key>a</key><value>b</value></entry></Tags><Ticket>AP8=</Ticket></BookSeatsResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></BookSeatsResponse>

        409
        content-type: text/xml
        x-amzn-requestid: id-1

        <ErrorResponse xmlns="https://flights.example/"><Error><Type>Sender</Type><Code>SoldOut</Code><Message>Nothing left</Message><Left>0</Left></Error><RequestId>id-1</RequestId></ErrorResponse>
    "#]],
    );
}

#[test]
fn ec2() {
    let body = "Action=BookSeats&Version=2026-01-01&Code=KE+1&Seats.1.Row=7&Seats.1.Window=true";
    check(
        "ec2",
        "POST /",
        body,
        expect![[r#"
        {"Code":"KE 1","Seats":[{"Row":7,"Window":true}]}

        200
        content-type: text/xml;charset=UTF-8
        x-amzn-requestid: id-1

        <?xml version="1.0" encoding="UTF-8"?>
        <BookSeatsResponse xmlns="https://flights.example/"><requestId>id-1</requestId><Booking>&lt;한 &amp; 1&gt;</Booking><Etag>&quot;7&quot;</Etag><Price>1.5</Price><At>2026-11-22T00:00:00.500Z</At><Seats><member><Row>7</Row><Window>true</Window></member><member></member></Seats><Tags><entry><key>a</key><value>b</value></entry></Tags><Ticket>AP8=</Ticket></BookSeatsResponse>

        409
        content-type: text/xml;charset=UTF-8
        x-amzn-requestid: id-1

        <?xml version="1.0" encoding="UTF-8"?>
        <Response><Errors><Error><Code>SoldOut</Code><Message>Nothing left</Message><Left>0</Left></Error></Errors><RequestID>id-1</RequestID></Response>
    "#]],
    );
}

#[test]
fn cbor() {
    let body =
        b"\xbf\x64Code\x64KE 1\x65Seats\x81\xa1\x63Row\x07\x62At\xc1\x1a\x6b\x02\x0b\x00\xff";
    let head = "POST /service/Flights_20260101/operation/BookSeats";
    check(
        "smithy-rpc-v2-cbor",
        head,
        body,
        expect![[r#"
            {"Code":"KE 1","At":1795296000,"Seats":[{"Row":7}]}

            200
            content-type: application/cbor
            smithy-protocol: rpc-v2-cbor
            x-amzn-requestid: id-1

            \xbfgBookingi<\xed\x95\x9c & 1>dEtagc\"7\"ePrice\xfb?\xf8\x00\x00\x00\x00\x00\x00bAt\xc1\xfbA\xda\xc0\x8c  \x00\x00eSeats\x82\xbfcRow\x07fWindow\xf5\xff\xbf\xffdTags\xa1aaabfTicketB\x00\xff\xff

            409
            content-type: application/cbor
            smithy-protocol: rpc-v2-cbor
            x-amzn-requestid: id-1

            \xbff__typex\x1bcom.example.flights#SoldOutgMessagelNothing leftdLeft\x00\xff
        "#]],
    );
}

#[test]
fn broken_json() {
    refused(
        "json",
        TARGET,
        "{\"Code\":",
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"__type":"com.amazon.coral.service#SerializationException"}
    "#]],
    );
    refused(
        "json",
        TARGET,
        b"{\"Code\":\"\xff\"}",
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"__type":"com.amazon.coral.service#SerializationException"}
    "#]],
    );
    refused(
        "json",
        TARGET,
        r#"{"Code":7}"#,
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"__type":"com.amazon.coral.service#SerializationException","Message":"NUMBER_VALUE cannot be converted to String"}
    "#]],
    );
    refused(
        "json",
        TARGET,
        r#"{"Code":"a","Code":"b"}"#,
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"__type":"com.amazon.coral.service#SerializationException"}
    "#]],
    );
    refused(
        "json",
        TARGET,
        r#"{"Seats":{}}"#,
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"__type":"com.amazon.coral.service#SerializationException","Message":"Start of structure or map found where not expected"}
    "#]],
    );
    refused(
        "json",
        TARGET,
        r#"{"Seats":["a"]}"#,
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"__type":"com.amazon.coral.service#SerializationException","Message":"Unexpected value type in payload"}
    "#]],
    );
    refused(
        "json",
        TARGET,
        r#"{"Seats":[{"Row":99999999999}]}"#,
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"__type":"com.amazon.coral.service#SerializationException","Message":"the number does not fit"}
    "#]],
    );
    refused(
        "json",
        TARGET,
        r#"{"Seats":[{"Row":1.9,"Window":"no"}]}"#,
        expect![[r#"
        {"Seats":[{"Row":1,"Window":false}]}
        Value null at 'code' failed to satisfy constraint: Member must not be null
    "#]],
    );
    refused(
        "json",
        TARGET,
        r#"{"At":1e300}"#,
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"__type":"com.amazon.coral.service#SerializationException","Message":"the number does not fit"}
    "#]],
    );
    refused(
        "json",
        TARGET,
        "[".repeat(1_000_000),
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: id-1

        {"__type":"com.amazon.coral.service#SerializationException","Message":"Unrecognized collection type class com.example.flights.BookSeatsInput"}
    "#]],
    );
    refused(
        "json",
        TARGET,
        "",
        expect![[r#"
            400
            content-type: application/x-amz-json-1.0
            x-amzn-requestid: id-1

            {"__type":"com.amazon.coral.service#SerializationException"}
        "#]],
    );
}

#[test]
fn broken_others() {
    let uri = "PUT /flights/KE/seats";
    refused(
        "rest-json",
        uri,
        r#"{"Seats":7}"#,
        expect![[r#"
            400
            content-type: application/json
            x-amzn-requestid: id-1
            x-amzn-errortype: SerializationException

            {"message":"Unexpected field type"}
        "#]],
    );
    refused(
        "rest-xml",
        uri,
        "<a><Seats></a>",
        expect![[r#"
            400
            x-amzn-requestid: id-1
            content-type: application/xml

            <ErrorResponse xmlns="https://flights.example/"><Error><Type>Sender</Type><Code>MalformedXML</Code><Message>The XML you provided was not well-formed or did not validate against our published schema</Message></Error><RequestId>id-1</RequestId></ErrorResponse>
        "#]],
    );
    refused(
        "rest-xml",
        uri,
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
        expect![[r#"
            400
            x-amzn-requestid: id-1
            content-type: application/xml

            <ErrorResponse xmlns="https://flights.example/"><Error><Type>Sender</Type><Code>MalformedXML</Code><Message>The XML you provided was not well-formed or did not validate against our published schema</Message></Error><RequestId>id-1</RequestId></ErrorResponse>
        "#]],
    );
    refused(
        "rest-xml",
        uri,
        "<a><At>yesterday</At></a>",
        expect![[r#"
            400
            x-amzn-requestid: id-1
            content-type: application/xml

            <ErrorResponse xmlns="https://flights.example/"><Error><Type>Sender</Type><Code>MalformedXML</Code><Message>The XML you provided was not well-formed or did not validate against our published schema</Message></Error><RequestId>id-1</RequestId></ErrorResponse>
        "#]],
    );
    refused(
        "query",
        "POST /",
        "Action=BookSeats&Code=%ff",
        expect![[r#"
        400
        content-type: text/xml
        x-amzn-requestid: id-1

        <ErrorResponse xmlns="https://flights.example/"><Error><Type>Sender</Type><Code>MalformedQueryString</Code><Message>The percent-encoded text is not UTF-8</Message></Error><RequestId>id-1</RequestId></ErrorResponse>
    "#]],
    );
    refused(
        "query",
        "POST /",
        "Action=BookSeats&Seats.member.1.Row=x",
        expect![[r#"
            400
            content-type: text/xml
            x-amzn-requestid: id-1

            <ErrorResponse xmlns="https://flights.example/"><Error><Type>Sender</Type><Code>MalformedInput</Code><Message>Value 'x' of 'Seats.member.1.Row': the text is not of the expected format</Message></Error><RequestId>id-1</RequestId></ErrorResponse>
        "#]],
    );
    refused(
        "query",
        "POST /",
        "Action=BookSeats&Code.a=x",
        expect![[r#"
        400
        content-type: text/xml
        x-amzn-requestid: id-1

        <ErrorResponse xmlns="https://flights.example/"><Error><Type>Sender</Type><Code>MalformedInput</Code><Message>Start of structure or map found where not expected</Message></Error><RequestId>id-1</RequestId></ErrorResponse>
    "#]],
    );
    refused(
        "ec2",
        "POST /",
        "Action=BookSeats&Seats.1.Row=x",
        expect![[r#"
        400
        content-type: text/xml;charset=UTF-8
        x-amzn-requestid: id-1

        <?xml version="1.0" encoding="UTF-8"?>
        <Response><Errors><Error><Code>InvalidParameterValue</Code><Message>Value (x) for parameter Seats.1.Row is invalid.</Message></Error></Errors><RequestID>id-1</RequestID></Response>
    "#]],
    );
    let cbor = "POST /service/Flights_20260101/operation/BookSeats";
    refused(
        "smithy-rpc-v2-cbor",
        cbor,
        b"\xbf\x64Code",
        expect![[r#"
            400
            content-type: application/cbor
            smithy-protocol: rpc-v2-cbor
            x-amzn-requestid: id-1

            \xbff__typex*com.example.flights#SerializationException\xff
        "#]],
    );
    refused(
        "smithy-rpc-v2-cbor",
        cbor,
        b"\xa1\x64Code\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
        expect![[r#"
            400
            content-type: application/cbor
            smithy-protocol: rpc-v2-cbor
            x-amzn-requestid: id-1

            \xbff__typex*com.example.flights#SerializationException\xff
        "#]],
    );
}
