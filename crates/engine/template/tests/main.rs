//! Templates as users write them, evaluated and modelled.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use template::{Inputs, Template, sam};

fn inputs(parameters: &[(&str, &str)]) -> Inputs {
    let mut inputs = Inputs::new("ap-northeast-2", "000000000000", "demo");
    inputs.parameters =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    inputs
}

/// The value of every output, or the error.
fn check(text: &str, parameters: &[(&str, &str)], expected: Expect) {
    let evaluated = || {
        let template = Template::parse(text)?;
        let inputs = inputs(parameters);
        let outputs = template.evaluate(&inputs)?.outputs()?;
        let lines = outputs.iter().map(|(name, node)| format!("{name} = {}\n", node.to_json()));
        Ok::<String, template::Error>(lines.collect())
    };
    expected.assert_eq(&evaluated().unwrap_or_else(|error| error.to_string()));
}

const HEAD: &str = "
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Zones: {Type: CommaDelimitedList, Default: 'a, b'}
Mappings:
  Sizes: {dev: {memory: 128}, prod: {memory: 1024}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  Other: !Not [!Or [!Condition IsProd, !Equals [!Ref 'AWS::Region', us-east-1]]]
Resources:
  Table: {Type: 'AWS::DynamoDB::Table', Properties: {TableName: !Sub '${Stage}-flights'}}
  Queue: {Type: 'AWS::SQS::Queue'}
Outputs:
";

fn outputs(lines: &str, parameters: &[(&str, &str)], expected: Expect) {
    check(&format!("{HEAD}{lines}"), parameters, expected);
}

#[test]
fn functions() {
    let lines = "
  A: {Value: !FindInMap [Sizes, !Ref Stage, memory]}
  B: {Value: !Join ['-', [x, !Select [1, !Ref Zones], !If [IsProd, big, !Ref 'AWS::NoValue']]]}
  C: {Value: !Sub ['${Table}/${Table.Arn}/${own}/${!kept}', {own: !Ref Queue}]}
  D: {Value: !GetAtt Queue.Arn, Condition: Other}
  E: {Value: !Split [',', 'p,q']}
  F: {Value: {'Fn::Base64': 'Fn::x'}}
  G: {Value: !Select [2, !Cidr [10.0.0.0/16, 3, 8]]}
";
    outputs(
        lines,
        &[],
        expect![[r#"
        A = 128
        B = "x-b"
        C = "dev-flights/arn:aws:dynamodb:ap-northeast-2:000000000000:table/dev-flights/https://sqs.ap-northeast-2.amazonaws.com/000000000000/Queue/${kept}"
        D = "arn:aws:sqs:ap-northeast-2:000000000000:Queue"
        E = ["p","q"]
        F = "Rm46Ong="
        G = "10.0.2.0/24"
    "#]],
    );
    outputs(
        "  A: {Value: !FindInMap [Sizes, !Ref Stage, memory]}",
        &[("Stage", "prod")],
        expect![[r#"
        A = 1024
    "#]],
    );
}

#[test]
fn errors_say_where() {
    outputs(
        "  A: {Value: !Ref Nothing}",
        &[],
        expect![
            "line 14, column 14: there is no parameter and no resource Nothing; declare it under Parameters or Resources"
        ],
    );
    outputs(
        "  A:\n    Value: !GetAtt Table.Color",
        &[],
        expect!["line 15, column 12: what Table.Color is, is not known (AWS::DynamoDB::Table)"],
    );
    outputs(
        "  A: {Value: !Select [5, !Ref Zones]}",
        &[],
        expect!["line 14, column 23: Fn::Select: there is no item 5 of 2"],
    );
    outputs(
        "  A: {Value: !Sub '${x'}",
        &[],
        expect!["line 14, column 14: Fn::Sub: a ${ without its }"],
    );
    outputs(
        "  A: {Value: x}",
        &[("Stage", "test")],
        expect!["line 3, column 3: the value of parameter Stage must be one of dev, prod"],
    );
    check(
        "Resources:\n  A:\n    Typ: x",
        &[],
        expect!["line 2, column 3: the resource A needs a Type"],
    );
    check(
        "Resources:\n\tA: x",
        &[],
        expect![
            "line 2, column 2: tabs disallowed within this context (block indentation); indent line 2 with spaces in place of tabs"
        ],
    );
    check(
        "Conditions: {A: !Condition A}\nResources: {B: {Type: x}}",
        &[],
        expect!["line 1, column 17: the condition A needs itself"],
    );
    check(
        "Resources: {B: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref B}}}\nOutputs: {A: {Value: !Ref B}}",
        &[],
        expect!["line 1, column 66: this refers to itself"],
    );
}

const SAM: &str = r#"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Timeout: 7, Environment: {Variables: {A: shared, B: shared}}, Layers: [!Ref Tools]}
  Api: {Cors: "'*'", BinaryMediaTypes: [image~1png]}
Resources:
  Tools: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: tools}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: hello/
      Handler: app.handler
      Runtime: nodejs20.x
      Environment: {Variables: {B: !Ref Tools, C: 3}}
      Events:
        Rest: {Type: Api, Properties: {Path: '/hello/{name}', Method: get}}
        Http: {Type: HttpApi}
        Mine: {Type: Api, Properties: {Path: /mine, Method: any, RestApiId: !Ref Mine, Auth: {Authorizer: NONE}}}
        Queue: {Type: SQS, Properties: {Queue: 'arn:x'}}
  Mine:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Auth:
        DefaultAuthorizer: Gate
        Authorizers: {Gate: {FunctionArn: !GetAtt Hello.Arn}, Pool: {UserPoolArn: x}}
      DefinitionBody:
        paths:
          /body:
            post:
              x-amazon-apigateway-integration:
                uri: !Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Hello.Arn}/invocations'
"#;

#[test]
fn sam_functions_and_apis() {
    let template = Template::parse(SAM).expect("sound");
    let inputs = inputs(&[]);
    let model = sam::model(&template.evaluate(&inputs).expect("sound")).expect("sound");
    let hello = &model.functions[0];
    assert_eq!(
        (hello.timeout_s, hello.memory_mb, hello.layers.as_slice()),
        (7, 128, &["Tools".to_owned()][..])
    );
    let expected = [("A", "shared"), ("B", "Tools"), ("C", "3")];
    let expected: BTreeMap<String, String> =
        expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert_eq!(hello.variables, expected);
    let apis: String = model
        .apis
        .iter()
        .map(|api| {
            let routes: Vec<String> = api
                .routes
                .iter()
                .map(|r| {
                    format!(
                        "{} {} → {} ({}, {:?})",
                        r.method, r.path, r.function, r.payload, r.authorizer
                    )
                })
                .collect();
            format!(
                "{} {:?} {} {:?} {:?} {:#?}\n",
                api.id, api.flavour, api.stage, api.binary, api.default_authorizer, routes
            )
        })
        .collect();
    expect![[r#"
        Mine Rest v1 ["image/png"] Some("Gate") [
            "POST /body → Hello (1.0, None)",
            "ANY /mine → Hello (1.0, Some(\"NONE\"))",
        ]
        ServerlessRestApi Rest Prod ["image/png"] None [
            "GET /hello/{name} → Hello (1.0, None)",
        ]
        ServerlessHttpApi Http $default [] None [
            "ANY $default → Hello (2.0, None)",
        ]
    "#]]
    .assert_eq(&apis);
}

const TOKENS: &str = r#"
Transform: AWS::Serverless-2016-10-31
Resources:
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers:
          Jwt: {AuthorizationScopes: [read], JwtConfiguration: {issuer: 'https://a.example', audience: [app]}}
  Rest:
    Type: AWS::Serverless::Api
    Properties: {StageName: v1, Auth: {Authorizers: {Pool: {UserPoolArn: 'arn:x', Identity: {Header: X-Token}}}}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: a.b
      Runtime: python3.11
      Events:
        A: {Type: HttpApi, Properties: {Path: /a, Method: get, ApiId: !Ref Web, Auth: {AuthorizationScopes: [write]}}}
        B: {Type: Api, Properties: {Path: /b, Method: get, RestApiId: !Ref Rest, Auth: {Authorizer: Pool}}}
  Table: {Type: 'AWS::DynamoDB::Table'}
Outputs: {Name: {Value: !Ref Table}, Arn: {Value: !GetAtt Hello.Arn}}
"#;

#[test]
fn authorizers_by_tokens() {
    let template = Template::parse(TOKENS).expect("sound");
    let inputs = inputs(&[]);
    let model = sam::model(&template.evaluate(&inputs).expect("sound")).expect("sound");
    let jwt = &model.apis[0].authorizers["Jwt"];
    let expected = sam::AuthorizerKind::Jwt {
        issuer: "https://a.example".into(),
        audience: vec!["app".into()],
    };
    assert_eq!(jwt.kind, expected);
    assert_eq!(
        (jwt.sources.join(" "), jwt.scopes.join(" ")),
        ("$request.header.Authorization".into(), "read".into())
    );
    assert_eq!(model.apis[0].routes[0].scopes, ["write"]);
    let pool = &model.apis[1].authorizers["Pool"];
    assert_eq!(pool.kind, sam::AuthorizerKind::Cognito(vec!["arn:x".into()]));
    assert_eq!(pool.sources, ["method.request.header.X-Token"]);
    let wrong = TOKENS.replace("issuer: 'https://a.example', ", "");
    let template = Template::parse(&wrong).expect("sound");
    let error = sam::model(&template.evaluate(&inputs).expect("sound")).expect_err("no issuer");
    assert_eq!(error.to_string(), "line 10, column 16: JwtConfiguration of Jwt needs issuer");
}

#[test]
fn names_may_have_a_prefix() {
    let template = Template::parse(TOKENS).expect("sound");
    let inputs = Inputs { prefix: "demo-".into(), ..inputs(&[]) };
    let outputs = template.evaluate(&inputs).expect("sound").outputs().expect("sound");
    let lines: String =
        outputs.iter().map(|(name, node)| format!("{name} = {}\n", node.to_json())).collect();
    expect![[r#"
        Name = "demo-Table"
        Arn = "arn:aws:lambda:ap-northeast-2:000000000000:function:demo-Hello"
    "#]]
    .assert_eq(&lines);
}

#[test]
fn resources_in_the_order_of_their_needs_with_names_of_their_own() {
    let text = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Reader: {Type: 'AWS::Serverless::Function', DependsOn: Last, Properties: {A: !Sub '${Inbox.Arn}', B: [!Ref Notes]}}
  Inbox: {Type: 'AWS::SQS::Queue', Properties: {FifoQueue: true, P: !Sub ['${x}', {x: !GetAtt Dead.Arn}]}}
  Notes: {Type: 'AWS::S3::Bucket', Properties: {Told: !GetAtt Reader.Arn}}
  Dead: {Type: 'AWS::SQS::Queue'}
  Last: {Type: 'AWS::SNS::Topic', Properties: {FifoTopic: 'true', TopicName: own.fifo}}
";
    let template = Template::parse(text).expect("a template");
    let mut inputs = inputs(&[]);
    inputs.prefix = "demo-".into();
    let stack = template.evaluate(&inputs).expect("a stack");
    let names = stack.ordered().into_iter().map(|one| stack.name(&one.id).expect("a name"));
    // Reader and Notes need each other: the first of them goes first when nothing else is left.
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["demo-Dead", "demo-Inbox.fifo", "own.fifo", "demo-Reader", "demo-notes"]
    );
    assert!(stack.name("Nothing").is_err());
}

/// A text that is wrong: the whole error, with what to do.
fn fix(text: &str, expected: &str) {
    let inputs = inputs(&[]);
    let all = Template::parse(text).and_then(|template| {
        let stack = template.evaluate(&inputs)?;
        stack.ordered().into_iter().try_for_each(|one| stack.properties(&one.id).map(drop))
    });
    assert_eq!(all.expect_err("wrong").to_string(), expected, "{text}");
}

#[test]
fn yaml_errors_say_what_to_do() {
    fix(
        "Resources:\n\tA:\n",
        "line 2, column 2: tabs disallowed within this context (block indentation); indent line 2 with spaces in place of tabs",
    );
    fix(
        "Resources:\n  A:\n    Type: x\n      Properties: {}\n",
        "line 4, column 17: mapping values are not allowed in this context; line 4 is indented by 6 spaces, below a key that has a value: indent it by 4 as line 3",
    );
    fix(
        "Resources:\n  A:\n    Type: x\n   Properties: {}\n",
        "line 4, column 4: while parsing a block mapping, did not find expected key; line 4 is indented by 3 spaces, which fits nothing above it: indent it by 4",
    );
    fix(
        "Resources:\n  A:\n    L:\n      - a\n     - b\n",
        "line 5, column 6: while parsing a block mapping, did not find expected key; line 5 is indented by 5 spaces, which fits nothing above it: indent it by 6",
    );
    fix(
        "Resources:\n  A:\n    Type AWS::SQS::Queue\n    Properties: {}\n",
        "line 4, column 15: mapping values are not allowed in this context; put a colon after the key in line 3: Type: AWS::SQS::Queue",
    );
    fix(
        "Resources:\n  A\n    Type: x\n",
        "line 3, column 9: mapping values are not allowed in this context; put a colon after the key in line 2: A:",
    );
    fix(
        "Resources:\n  A:\n    Type:AWS::SQS::Queue\n    P: {}\n",
        "line 4, column 6: mapping values are not allowed in this context; put a space after the colon in line 3: Type: AWS::SQS::Queue",
    );
    fix(
        "Resources: {A: {Type:x, P: {}}}",
        "line 1, column 17: \"Type:x\" has no value; put a space after its colon",
    );
    fix(
        "Resources:\n  A:\n    L:\n      -a\n      - c: d\n",
        "line 5, column 10: mapping values are not allowed in this context; put a space after the dash in line 4: - a",
    );
    fix(
        "Resources:\n  A:\n    Type: \"x\n    P: b\n",
        "line 3, column 11: invalid indentation in quoted scalar; close the quotes of line 3 with \"",
    );
    fix(
        "Resources:\n  A:\n    Type: 'x\n    P: b\n",
        "line 3, column 11: invalid indentation in quoted scalar; close the quotes of line 3 with '",
    );
    fix(
        "Resources:\n  A:\n    L: [a, b\n    M: c\n",
        "line 4, column 6: illegal placement of ':' indicator; close the [ of line 3 with ]",
    );
    fix(
        "Resources:\n  A: {Type: x, P: {a: b}\n  B: {Type: x}\n",
        "line 3, column 3: invalid indentation in flow construct; close the { of line 2 with }",
    );
    fix(
        "Resources:\n  A: {Type: x",
        "line 3, column 1: while parsing a flow mapping, did not find expected ',' or '}'; close the { of line 2 with }",
    );
    fix(
        "Resources:\n  A: {Type: x P: y}\n",
        "line 2, column 16: while parsing a flow mapping, did not find expected ',' or '}'; put a comma between the members in line 2",
    );
    fix(
        "Resources:\n  A:\n    D: [a]]\n",
        "line 3, column 11: misplaced bracket; take the bracket in line 3 that closes nothing away",
    );
    fix(
        "Resources:\n  A:\n    Action: *\n",
        "line 3, column 13: while scanning an anchor or alias, did not find expected alphabetic or numeric character; * begins an alias: write the value in quotes, '*'",
    );
    fix(
        "Resources:\n  A:\n    V: @x\n",
        "line 3, column 8: unexpected character: `@'; @ means something to YAML: write the value in quotes, '@x'",
    );
    fix(
        "Resources:\n  A:\n    D: this: that\n",
        "line 3, column 12: mapping values are not allowed in this context; write a value that has a colon in quotes: D: 'this: that'",
    );
    fix(
        "Resources:\n  A:\n    D: \"a\\d\"\n",
        "line 3, column 8: while parsing a quoted scalar, found unknown escape character; write \\\\ for a backslash within double quotes, or use single quotes",
    );
    fix(
        "Resources:\nOutputs: {}\n",
        "line 1, column 10: Resources must be a map, and this is nothing; indent what belongs to it",
    );
}

#[test]
fn json_errors_say_what_to_do() {
    let flow = "while parsing a flow mapping, did not find expected ',' or '}'";
    fix(
        "{\"Resources\": {\n \"A\": {\"Type\": \"x\"\n \"P\": 1}}}",
        &format!("line 3, column 2: {flow}; put a comma after what stands before line 3, column 2"),
    );
    fix(
        "{\"Resources\": {\n \"A\": {\"Type\": \"x\"}\n",
        &format!("line 3, column 1: {flow}; close the {{ of line 1 with }}"),
    );
    fix(
        "{\"Resources\": {\n \"A\" {\"Type\": \"x\"}}}",
        "line 2, column 6: invalid trailing content after double-quoted scalar; put a colon after the key in line 2",
    );
    fix(
        "{\"Resources\": {\n \"A: {\"Type\": \"x\"}}}",
        "line 2, column 8: invalid trailing content after double-quoted scalar; close the quotes of a text in line 2 with \"",
    );
    fix(
        "{\"Resources\": {\n \"A\": {\"Type\": \"x\", \"Type\": \"y\"}}}",
        "line 2, column 21: the key \"Type\" is already in line 2; rename or remove one of them",
    );
}

#[test]
fn names_that_nothing_has_say_what_is_meant() {
    let queue = |value: &str| {
        format!("{{Resources: {{Queue: {{Type: 'AWS::SQS::Queue', Properties: {{A: {value}}}}}}}}}")
    };
    fix(
        &queue("!Reff Queue"),
        "line 1, column 63: !Reff is no function of CloudFormation; Ref is meant?",
    );
    fix(
        &queue("!Ref Quue"),
        "line 1, column 63: there is no parameter and no resource Quue; Queue is meant?",
    );
    fix(
        &queue("!Ref AWS::Regoin"),
        "line 1, column 63: there is no parameter and no resource AWS::Regoin; AWS::Region is meant?",
    );
    fix(
        &queue("!Sub 'x-${Qeueu}'"),
        "line 1, column 63: there is no parameter and no resource Qeueu; Queue is meant?",
    );
    fix(
        &queue("!GetAtt Queue.Arm"),
        "line 1, column 63: what Queue.Arm is, is not known (AWS::SQS::Queue); Arn is meant?",
    );
    fix(
        &queue("!Ref Elsewhere"),
        "line 1, column 63: there is no parameter and no resource Elsewhere; declare it under Parameters or Resources",
    );
    fix(
        &queue("!If [Prod, a, b]"),
        "line 1, column 68: there is no condition Prod; declare it under Conditions",
    );
    fix(
        &queue("{'Fn::Joinn': [a, [b]]}"),
        "line 1, column 63: Fn::Joinn is no function that can be carried out here; Join is meant?",
    );
    fix(
        "Mappings: {Sizes: {dev: {memory: 1}}}\nResources: {Q: {Type: x, Properties: {A: !FindInMap [Sizes, dve, memory]}}}",
        "line 2, column 42: Mappings has no Sizes.dve.memory; there is dev",
    );
}
