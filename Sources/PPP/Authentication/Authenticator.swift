// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import Primitives

/// The end that asks for proof, with PAP, CHAP or MS-CHAPv2. It lives as long as LCP stays open, because a peer
/// whose Success was lost may say its Response again at any time.
///
/// - SeeAlso: RFC 1334 §2, RFC 1994 §4, RFC 2759 §4 to §6
package struct Authenticator: Sendable {
    package enum Effect: Hashable, Sendable {
        case send(ControlPacket)
        case verify(AuthenticationAttempt)
        case accepted(userName: String)
        /// `isFinal` unless the peer may try again.
        case refused(userName: String, AuthenticationVerdict.Refusal, isFinal: Bool)
        /// No challenge was answered.
        case unanswered
        case unexpected(ControlPacket.Code)
        case malformed(DecodeError)
    }

    /// The longest user name: what a RADIUS attribute holds.
    package static let longestName = 253
    private static let challengeLength = 16

    private enum State: Sendable {
        /// PAP: the peer speaks first.
        case awaitingRequest
        /// The challenge is out, and was preceded by `sent` - 1 others.
        case challenging(identifier: UInt8, challenge: [UInt8], sent: Int)
        case verifying(ControlPacket, userName: String)
        /// `reply` refused `answered`, and carried the challenge for the next attempt.
        case retrying(reply: ControlPacket, answered: ControlPacket, challenge: [UInt8])
        case decided(reply: ControlPacket)
    }

    package let method: AuthenticationMethod
    private var state: State = .awaitingRequest
    /// Attempts that were not accepted, those that nobody has judged yet included.
    package private(set) var failedAttempts: Int
    package private(set) var nextDeadline: MonotonicTime?

    /// - Parameter failedAttempts: Of the authenticators before this one, of the same link.
    package init(method: AuthenticationMethod, failedAttempts: Int = 0) {
        self.method = method
        self.failedAttempts = failedAttempts
    }

    package var protocolNumber: ProtocolNumber { AuthenticationProposal(method).protocolNumber }

    /// What was said last about the proof, once that is settled.
    package var reply: ControlPacket? {
        guard case .decided(let reply) = state else { return nil }
        return reply
    }

    package mutating func start(
        _ configuration: Configuration,
        _ entropy: any EntropySource,
        at now: MonotonicTime
    ) -> [Effect] {
        guard method != .pap else { return [] }
        return challenge(entropy.integer(), sent: 1, configuration, entropy, now)
    }

    package mutating func advance(
        to now: MonotonicTime,
        _ configuration: Configuration,
        _ entropy: any EntropySource
    ) -> [Effect] {
        guard let deadline = nextDeadline, deadline <= now else { return [] }
        guard case .challenging(let identifier, _, let sent) = state, sent < configuration.maxConfigure else {
            nextDeadline = nil
            return [.unanswered]
        }
        return challenge(identifier &+ 1, sent: sent + 1, configuration, entropy, now)
    }

    /// RFC 1994 §4.1: identifier and value are new each time. So a peer that answers late, and twice, is taken at
    /// its last word, which is the one whose authenticator response it expects.
    private mutating func challenge(
        _ identifier: UInt8,
        sent: Int,
        _ configuration: Configuration,
        _ entropy: any EntropySource,
        _ now: MonotonicTime
    ) -> [Effect] {
        let value = entropy.bytes(Authenticator.challengeLength)
        let name = Array(configuration.name.utf8.prefix(Authenticator.longestName))
        var writer = ByteWriter(reservingCapacity: 64)
        CHAPValue(value: value[...], name: name[...]).encode(into: &writer)
        state = .challenging(identifier: identifier, challenge: value, sent: sent)
        nextDeadline = now.advanced(by: configuration.restartTimer)
        return [.send(ControlPacket(CHAPValue.challenge, identifier: identifier, data: writer.bytes[...]))]
    }

    package mutating func receive(
        _ packet: ControlPacket,
        _ configuration: Configuration,
        _ entropy: any EntropySource
    ) -> [Effect] {
        guard packet.code == (method == .pap ? PAPRequest.request : CHAPValue.response) else {
            return [.unexpected(packet.code)]
        }
        switch state {
        case .awaitingRequest:
            return attempt(packet, challenge: [], configuration, entropy)

        case .challenging(let identifier, let challenge, _):
            guard packet.identifier == identifier else { return [.unexpected(packet.code)] }
            return attempt(packet, challenge: challenge, configuration, entropy)

        case .verifying(var answered, let userName):
            // A repetition; the verdict answers both. A PAP peer counts on, and may look for its last number.
            if method == .pap {
                answered.identifier = packet.identifier
                state = .verifying(answered, userName: userName)
            }
            return [.unexpected(packet.code)]

        case .retrying(let reply, let answered, let challenge):
            if packet == answered { return [.send(reply)] }
            // RFC 2759 does not say which identifier the next Response has: peers repeat the last one or count on.
            guard packet.identifier == answered.identifier || packet.identifier == answered.identifier &+ 1 else {
                return [.unexpected(packet.code)]
            }
            return attempt(packet, challenge: challenge, configuration, entropy)

        case .decided(var reply):
            // RFC 1994 §4.2: the same answer again, whatever the repetition contains. A PAP peer counts on.
            if method == .pap { reply.identifier = packet.identifier }
            return packet.identifier == reply.identifier ? [.send(reply)] : [.unexpected(packet.code)]
        }
    }

    private mutating func attempt(
        _ packet: ControlPacket,
        challenge: [UInt8],
        _ configuration: Configuration,
        _ entropy: any EntropySource
    ) -> [Effect] {
        let proof: Proof
        do throws(DecodeError) {
            proof = try Proof(packet, method: method, challenge: challenge)
        } catch {
            return [.malformed(error)]
        }
        failedAttempts += 1
        nextDeadline = nil
        // A PAP packet holds the password, and is not needed again.
        let answered = method == .pap ? ControlPacket(packet.code, identifier: packet.identifier) : packet
        state = .verifying(answered, userName: proof.printableName)
        guard let attempt = proof.attempt else {
            return decide(.refused(.unknownUser), configuration, entropy)
        }
        return [.verify(attempt)]
    }

    /// Takes the answer to ``Effect/verify(_:)``.
    package mutating func decide(
        _ verdict: AuthenticationVerdict,
        _ configuration: Configuration,
        _ entropy: any EntropySource
    ) -> [Effect] {
        guard case .verifying(let packet, let userName) = state else { return [] }
        switch (method, verdict) {
        case (.pap, .accepted):
            return accept(packet, PAPRequest.ack, PAPRequest.reply("Welcome"), userName)
        case (.pap, .refused(let refusal)):
            return refuse(packet, PAPRequest.nak, PAPRequest.reply("Authentication failed"), userName, refusal)
        case (.chapMD5, .accepted):
            return accept(packet, CHAPValue.success, Array("Welcome".utf8), userName)
        case (.chapMD5, .refused(let refusal)):
            return refuse(packet, CHAPValue.failure, Array("Authentication failed".utf8), userName, refusal)
        case (.mschapv2, .accepted(let proof?)):
            let text = "S=" + proof.map { hexadecimal($0, digits: 2).uppercased() }.joined() + " M=Welcome"
            return accept(packet, CHAPValue.success, Array(text.utf8), userName)
        case (.mschapv2, .accepted(nil)):
            // Without our proof the peer ends the session anyway (RFC 2759 §5).
            return refuseMSCHAPv2(packet, userName, .methodUnsuitable, configuration, entropy)
        case (.mschapv2, .refused(let refusal)):
            return refuseMSCHAPv2(packet, userName, refusal, configuration, entropy)
        }
    }

    private mutating func accept(
        _ packet: ControlPacket,
        _ code: ControlPacket.Code,
        _ message: [UInt8],
        _ userName: String
    ) -> [Effect] {
        let reply = ControlPacket(code, identifier: packet.identifier, data: message[...])
        state = .decided(reply: reply)
        failedAttempts -= 1
        return [.send(reply), .accepted(userName: userName)]
    }

    private mutating func refuse(
        _ packet: ControlPacket,
        _ code: ControlPacket.Code,
        _ message: [UInt8],
        _ userName: String,
        _ refusal: AuthenticationVerdict.Refusal
    ) -> [Effect] {
        let reply = ControlPacket(code, identifier: packet.identifier, data: message[...])
        state = .decided(reply: reply)
        return [.send(reply), .refused(userName: userName, refusal, isFinal: true)]
    }

    /// The peer learns no more than that it failed (691), whatever the reason: who exists is nobody's business.
    private mutating func refuseMSCHAPv2(
        _ packet: ControlPacket,
        _ userName: String,
        _ refusal: AuthenticationVerdict.Refusal,
        _ configuration: Configuration,
        _ entropy: any EntropySource
    ) -> [Effect] {
        let challenge = entropy.bytes(Authenticator.challengeLength)
        let isFinal = failedAttempts >= configuration.authenticationTries
        let fresh = challenge.map { hexadecimal($0, digits: 2).uppercased() }.joined()
        let text = "E=691 R=\(isFinal ? 0 : 1) C=\(fresh) V=3 M=Authentication failed"
        guard !isFinal else { return refuse(packet, CHAPValue.failure, Array(text.utf8), userName, refusal) }
        let reply = ControlPacket(CHAPValue.failure, identifier: packet.identifier, data: Array(text.utf8)[...])
        state = .retrying(reply: reply, answered: packet, challenge: challenge)
        return [.send(reply), .refused(userName: userName, refusal, isFinal: false)]
    }
}

/// What a Response or an Authenticate-Request says.
private struct Proof {
    /// `nil` if no user can have this name: empty, too long, or not UTF-8.
    let attempt: AuthenticationAttempt?
    let printableName: String

    init(_ packet: ControlPacket, method: AuthenticationMethod, challenge: [UInt8]) throws(DecodeError) {
        var reader = ByteReader(packet.data)
        switch method {
        case .pap:
            let request = try PAPRequest(from: &reader)
            (attempt, printableName) = Proof.named(request.peerID) { .pap(userName: $0, password: request.password) }
        case .chapMD5:
            let response = try CHAPValue(from: &reader)
            guard response.value.count == 16 else { throw .invalidLength(response.value.count) }
            (attempt, printableName) = Proof.named(response.name) {
                .chapMD5(
                    userName: $0,
                    identifier: packet.identifier,
                    challenge: challenge,
                    response: Array(response.value)
                )
            }
        case .mschapv2:
            let response = try CHAPValue(from: &reader)
            var value = ByteReader(response.value)
            let parts = try MSCHAPv2Response(from: &value)
            (attempt, printableName) = Proof.named(response.name) {
                .mschapv2(
                    userName: $0,
                    authenticatorChallenge: challenge,
                    peerChallenge: parts.peerChallenge,
                    ntResponse: parts.ntResponse
                )
            }
        }
    }

    private static func named(
        _ bytes: ArraySlice<UInt8>,
        _ attempt: (String) -> AuthenticationAttempt
    ) -> (AuthenticationAttempt?, String) {
        guard (1...Authenticator.longestName).contains(bytes.count), let name = String(validating: bytes, as: UTF8.self)
        else { return (nil, String(decoding: bytes.prefix(Authenticator.longestName), as: UTF8.self)) }
        return (attempt(name), name)
    }
}
