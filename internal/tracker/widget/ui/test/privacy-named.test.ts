import { describe, expect, it } from 'vitest'
import { newPrivacy } from '../src/privacy/privacy.ts'

const p = newPrivacy({ endpoint: '' }, new WeakSet())

/** Text around a secret, the secret, and what must stay readable behind it. */
const secrets: [text: string, secret: string, stays?: string][] = [
  ['password: $', 'correct horse battery staple'],
  ['login password: $\nnext line', 'correct horse battery staple', 'next line'],
  ['password: $', 'correct, horse; battery'],
  ['password: $', 'x<yz7!Kq'],
  ['password=$ user=ada', 'correct horse battery', 'user=ada'],
  ['password=$&page=2', 'hun,ter2', 'page=2'],
  ['{password: $, page: 2}', 'correct horse', 'page: 2'],
  ['password: $. Then it failed', 'correct horse', 'Then it failed'],
  ['he wrote "password: $" there', 'correct horse', 'there'],
  ['password => $', '"correct horse"'],
  ["'password' => $,", "'correct horse'"],
  ['password (new): $', 'correct horse'],
  ['password for ada: $', 'correct horse'],
  ['Passwort: „$“ bitte', 'richtig Pferd', 'bitte'],
  ['my password is $', 'correct horse battery'],
  ['my password\u2019s $', 'correct horse battery'],
  ["my password's $ and all", 'hunter2'],
  ['the password was $.', 'hunter2'],
  ['I logged in with password $ and', 'hunter2', 'and'],
  ['mein Passwort ist $', 'richtig Pferd Batterie'],
  ['Das Kennwort lautet $', 'geheim eins'],
  ['Mon mot de passe est $', 'cheval correct'],
  ['mot de passe\u00a0: $', 'cheval correct'],
  ['Mi contrase\u00f1a es $', 'caballo correcto'],
  ['mi clave: $', 'caballo correcto'],
  ['\u6211\u7684\u5bc6\u78bc\u662f$\uff0c\u8acb\u6aa2\u67e5', 'rosebud', '\u8acb\u6aa2\u67e5'],
  ['\u5bc6\u78bc\u70ba $', 'rosebud'],
  ['\u9a57\u8b49\u78bc\u662f $', '123456'],
  ['PIN is $', '1234'],
  ['my PIN: $', '1234'],
  ['PIN $', '1234'],
  ['code PIN est $', '1234'],
  ['TAN $', '123456'],
  ['mTAN: $', '123 456'],
  ['OTP $ did not work', '123456', 'did not work'],
  ['Your verification code is $', '482913'],
  ['Ihr Best\u00e4tigungscode: $', '482913'],
  ['code de v\u00e9rification : $', '482913'],
  ['c\u00f3digo de verificaci\u00f3n: $', '482913'],
  ['otp: $', '123 456'],
  ['<password>$</password><user>ada', 'correct horse', '<user>ada'],
  ['<ns:token attr="1">$</ns:token>', 'abc123'],
  ['<soap:Password Type="#PasswordText">$</soap:Password>', 'hunter2'],
  ['<password><![CDATA[$]]></password>', 'correct horse'],
  ['<user password="$" name="ada"/>', 'correct horse', 'name="ada"'],
  ["<user password='$' name='ada'/>", 'correct horse'],
  ['<input name="password" value="$">', 'correct horse'],
  ['{"name":"password","value":"$"}', 'correct horse'],
  ['Proxy-Authorization: Basic $', 'dXNlcjpwYXNz'],
  ['Authorization: Digest username="ada", realm="x", response="$"', '6629fae49393a05397450978507c4ef1'],
  ['Authorization: AWS4-HMAC-SHA256 Credential=$, SignedHeaders=host', 'AKIDEXAMPLE/20261128'],
  ['{"Authorization":"$"}', 'Negotiate abc def'],
  ['header $', 'dXNlcjpwYXNzd29yZA=='],
  ['state $', btoa('{"password":"hunter2"}')],
  ['random $', 'Zk3mQ9xLr8Tn2VbYw6Hs4Pc1'],
]

describe('what has a name', () => {
  for (const [around, secret, stays] of secrets) {
    it(`hides ${secret.slice(0, 30)} in ${around.slice(0, 60)}`, () => {
      const out = p.text(around.replace('$', () => secret))
      expect(out).toContain('[hidden]')
      for (const piece of secret.split(/[\s,"']+/)) if (piece.length > 1) expect(out).not.toContain(piece)
      if (stays) expect(out).toContain(stays)
    })
  }
  for (const shown of [
    'the password page returns 500',
    'Password is required',
    'The password is too short, use 12 characters',
    'Das Passwort ist falsch.',
    'Le mot de passe est incorrect',
    'Forgot your password?',
    'basic authentication is off',
    'The PIN page does not open',
    'a tan 500 sofa',
    '<a href="/x">the token page</a>',
    'HTMLFormElement.requestSubmit and onAnimationIterationCapture',
    'handleCheckoutButtonClick of CheckoutPageController2Factory',
    'sha-1 index-CkF3dE9a.js',
  ])
    it(`shows ${shown}`, () => expect(p.text(shown)).toBe(shown))
})

const spellings: [kind: string, secret: string][] = [
  ['us-ssn', '078-05-1120'], ['us-ssn', '078 05 1120'], ['us-ssn', '078.05.1120'], ['us-ssn', '078\u00a005\u00a01120'], ['us-ssn', '078\u201105\u20111120'], ['us-ssn', '078051120'],
  ['gb-nino', 'AB 12 34 56 C'], ['gb-nino', 'ab123456c'], ['gb-nino', 'AB-12-34-56-C'], ['gb-nino', 'AB\u00a012\u00a034\u00a056\u00a0C'], ['gb-nino', 'AB123456'],
  ['de-tax', '86 095 742 719'], ['de-tax', '86.095.742.719'], ['de-tax', '86095742719'], ['de-tax', '860/957/42719'],
  ['fr-nir', '2 55 08 14 168 025 38'], ['fr-nir', '2.55.08.14.168.025.38'], ['fr-nir', '255082a168025'], ['fr-nir', '2\u00a055\u00a008\u00a014\u00a0168\u00a0025'],
  ['es-dni', '12345678Z'], ['es-dni', '12.345.678-z'], ['es-dni', '12 345 678 Z'], ['es-dni', 'x-1234567-l'], ['es-dni', 'X1.234.567L'], ['es-dni', '12345678\u00a0Z'],
  ['hk-id', 'A123456(7)'], ['hk-id', 'a 123456 (7)'], ['hk-id', 'AB1234567'], ['hk-id', 'A123-456(A)'],
  ['tw-id', 'A123456789'], ['tw-id', 'a 123 456 789'], ['tw-id', 'A-123456789'], ['tw-id', 'AC12345678'],
]
describe('numbers of persons', () => {
  for (const [kind, secret] of spellings)
    it(`${kind} ${secret}`, () => {
      const asked = newPrivacy({ endpoint: '', maskNumbers: [kind as 'us-ssn'] }, new WeakSet())
      expect(asked.text(`nr ${secret}, left`)).toBe('nr [hidden], left')
      expect(asked.text(`on 2026-11-28 10:00:00 in 1.2.3`)).toBe('on 2026-11-28 10:00:00 in 1.2.3')
    })
})
