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
        expect!["line 14, column 14: there is no parameter and no resource Nothing"],
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
        expect!["line 2, column 2: tabs disallowed within this context (block indentation)"],
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
