// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import Primitives

extension IKEv1 {
    /// Main mode with us as initiator, to replace an IKE SA that nears its end and whose peer does not do it.
    ///
    /// It offers what the peer has agreed to before, over the path on which the peer is, and takes nobody for the
    /// peer who does not prove the same identity. If it fails the old SA lives on to its end.
    ///
    /// - SeeAlso: RFC 2409 §5.4
    package struct MainModeInitiation: Sendable {
        /// What it begins with, all of it from the SA to be replaced.
        struct Origin: Sendable {
            let predecessor: IKESAID
            var profile: Int
            let trace: TraceID
            let path: Path
            let transform: IKETransform
            let natTraversal: NATTraversal?
            let isFragmenting: Bool
            let identity: IDPayload
            let client: Client
            var keyIndex: Int
        }

        /// Named after what has to come next.
        private indirect enum Stage: Sendable {
            case waitChoice
            case waitKeyExchange(WaitKeyExchange)
            case waitIdentity(WaitIdentity)
        }

        private struct WaitKeyExchange: Sendable {
            var cookies: CookiePair
            var natTraversal: NATTraversal?
            var isAnsweringProbes: Bool
            var nonce: [UInt8]
            var agreement: KeyAgreement
        }

        private struct WaitIdentity: Sendable {
            var cookies: CookiePair
            var natTraversal: NATTraversal?
            var isAnsweringProbes: Bool
            var nat: NATFinding
            var keys: PhaseOneKeys
            var cipher: CBCContext
            /// Of message 6.
            var iv: [UInt8]
            var initiatorPublic: [UInt8]
            var responderPublic: [UInt8]
        }

        /// The end of the exchange, one way or the other.
        enum Outcome: Sendable {
            case waiting
            case established(CookiePair, ResponderSA.Established)
            case failed(String)
        }

        var origin: Origin
        let cookie: Cookie
        private let saBody: [UInt8]
        private let lifetime: Duration
        private let ends: MonotonicTime
        private var stage = Stage.waitChoice
        private var request: [UInt8]
        private var nextRetransmission: MonotonicTime
        private var wait: Duration

        /// - Returns: Message 1 in `effects`.
        init(_ origin: Origin, _ surroundings: Surroundings, at now: MonotonicTime, effects: inout [Effect]) {
            self.origin = origin
            cookie = Cookie(rawValue: max(1, surroundings.entropy.integer(UInt64.self)))
            let profile = surroundings.acceptances[origin.profile].profile
            lifetime = min(profile.ikeLifetime, profile.longestIKELifetime)
            let offer = Payload(.securityAssociation, SAPayload(offering: origin.transform, lifetime: lifetime))
            saBody = Array(offer.body)
            let header = ISAKMPHeader(
                initiatorCookie: cookie,
                responderCookie: .zero,
                exchange: .identityProtection
            )
            let vendorIDs = [
                origin.natTraversal?.vendorID, VendorID.deadPeerDetection,
                origin.isFragmenting ? VendorID.fragmentationOfMainMode : nil,
            ].compactMap(\.self)
            request = Message(header: header, payloads: [offer] + vendorIDs.map { Payload(.vendorID, $0) }).encode()
            wait = surroundings.configuration.retransmissionWait
            ends = now.advanced(by: surroundings.configuration.exchangeTimeout)
            nextRetransmission = now.advanced(by: wait)
            effects.append(.transmit(origin.path.datagram(request)))
        }

        var deadline: MonotonicTime { min(nextRetransmission, ends) }

        mutating func advance(to now: MonotonicTime, _ effects: inout [Effect]) -> Outcome {
            guard now < ends else { return .failed("it does not answer") }
            guard nextRetransmission <= now else { return .waiting }
            wait = wait * 2
            nextRetransmission = now.advanced(by: wait)
            effects.append(.transmit(origin.path.datagram(request)))
            return .waiting
        }

        mutating func receive(
            _ arrival: Arrival,
            _ surroundings: Surroundings,
            _ effects: inout [Effect]
        ) -> Outcome {
            // Whatever is in clear and no step of the exchange is anybody's word; the exchange has its time limit.
            guard arrival.header.exchange == .identityProtection, !arrival.header.responderCookie.isZero,
                arrival.path.peer.address == origin.path.peer.address
            else { return .waiting }
            do throws(Failure) {
                switch stage {
                case .waitChoice:
                    stage = .waitKeyExchange(try receiveChoice(arrival, surroundings))
                case .waitKeyExchange(let phase):
                    guard arrival.header.responderCookie == phase.cookies.responder else { return .waiting }
                    stage = .waitIdentity(try receiveKeyExchange(arrival, in: phase, surroundings))
                case .waitIdentity(let phase):
                    guard arrival.header.responderCookie == phase.cookies.responder,
                        arrival.header.flags.contains(.encryption)
                    else { return .waiting }
                    return .established(phase.cookies, try receiveIdentity(arrival, in: phase, surroundings))
                }
            } catch {
                switch error {
                case .unreadable: return .waiting
                case .refused(let reason): return .failed(reason)
                }
            }
            wait = surroundings.configuration.retransmissionWait
            nextRetransmission = arrival.now.advanced(by: wait)
            effects.append(.transmit(origin.path.datagram(request)))
            return .waiting
        }

        private enum Failure: Error {
            /// Anybody can send that: the exchange goes on waiting.
            case unreadable
            /// Only who takes part in the exchange can have caused this.
            case refused(String)
        }

        /// Takes message 2 and makes message 3.
        private mutating func receiveChoice(
            _ arrival: Arrival,
            _ surroundings: Surroundings
        ) throws(Failure) -> WaitKeyExchange {
            let vendorIDs: [ArraySlice<UInt8>]
            do {
                let chain = try arrival.chain()
                let answer = try SAPayload(chain.only(.securityAssociation))
                let choice = try IKEv1.choose(
                    from: answer,
                    surroundings.acceptance(of: origin.profile, for: origin.client)
                )
                guard choice.transform == origin.transform else { throw Failure.unreadable }
                vendorIDs = chain.all(.vendorID)
            } catch {
                throw .unreadable
            }
            let cookies = CookiePair(initiator: cookie, responder: arrival.header.responderCookie)
            let natTraversal = origin.natTraversal == nil ? nil : NATTraversal(announced: vendorIDs)
            let nonce = surroundings.entropy.bytes(ResponderSA.nonceLength)
            let agreement: KeyAgreement
            do throws(CryptographyError) {
                agreement = try KeyAgreement(origin.transform.group)
            } catch {
                throw .refused("\(error)")
            }
            var payloads = [Payload(.keyExchange, agreement.publicValue), Payload(.nonce, nonce)]
            if let natTraversal {
                for address in [origin.path.peer, origin.path.local] {
                    let hash = NATTraversal.discoveryHash(origin.transform.hash, cookies: cookies, address: address)
                    payloads.append(Payload(natTraversal.discoveryPayload, hash))
                }
            }
            request = Message(header: header(cookies), payloads: payloads).encode()
            return WaitKeyExchange(
                cookies: cookies,
                natTraversal: natTraversal,
                isAnsweringProbes: vendorIDs.contains { $0.elementsEqual(VendorID.deadPeerDetection) },
                nonce: nonce,
                agreement: agreement
            )
        }

        /// Takes message 4 and makes message 5.
        private mutating func receiveKeyExchange(
            _ arrival: Arrival,
            in phase: WaitKeyExchange,
            _ surroundings: Surroundings
        ) throws(Failure) -> WaitIdentity {
            let publicValue: [UInt8]
            let nonce: [UInt8]
            let discovery: [ArraySlice<UInt8>]
            do throws(DecodeError) {
                let chain = try arrival.chain()
                publicValue = Array(try chain.only(.keyExchange))
                nonce = Array(try chain.only(.nonce))
                guard ResponderSA.nonceLengths.contains(nonce.count) else { throw .invalidLength(nonce.count) }
                discovery = phase.natTraversal.map { chain.all($0.discoveryPayload) } ?? []
            } catch {
                throw .unreadable
            }
            let transform = origin.transform
            let finding = NATFinding(
                payloads: discovery,
                hash: transform.hash,
                cookies: phase.cookies,
                local: arrival.path.local,
                peer: arrival.path.peer
            )
            do throws(CryptographyError) {
                let keys = PhaseOneKeys(
                    transform: transform,
                    preSharedKey: surroundings.acceptances[origin.profile].profile.preSharedKeys[origin.keyIndex]
                        .secret,
                    initiatorNonce: phase.nonce,
                    responderNonce: nonce,
                    sharedSecret: try phase.agreement.sharedSecret(peerPublicValue: publicValue),
                    cookies: phase.cookies
                )
                let cipher = try CBCContext(transform.blockCipher, key: keys.encryptionKey)
                let ours = phase.agreement.publicValue
                let identity = Payload(
                    .identification,
                    IDPayload(origin.path.local.address, protocolNumber: 0, port: 0)
                )
                let proof = keys.hashI(
                    initiatorPublic: ours,
                    responderPublic: publicValue,
                    cookies: phase.cookies,
                    saBody: saBody,
                    identityBody: Array(identity.body)
                )
                let sealed = try IKEv1.seal(
                    header(phase.cookies),
                    PayloadChain([identity, Payload(.hash, proof)]),
                    with: cipher,
                    iv: IKEv1.phaseOneIV(transform: transform, initiatorPublic: ours, responderPublic: publicValue)
                )
                request = sealed.bytes
                return WaitIdentity(
                    cookies: phase.cookies,
                    natTraversal: finding == nil ? nil : phase.natTraversal,
                    isAnsweringProbes: phase.isAnsweringProbes,
                    nat: finding ?? NATFinding(),
                    keys: keys,
                    cipher: cipher,
                    iv: sealed.nextIV,
                    initiatorPublic: ours,
                    responderPublic: publicValue
                )
            } catch .invalidLength, .invalidPublicValue {
                throw .unreadable
            } catch {
                throw .refused("\(error)")
            }
        }

        /// Takes message 6.
        private func receiveIdentity(
            _ arrival: Arrival,
            in phase: WaitIdentity,
            _ surroundings: Surroundings
        ) throws(Failure) -> ResponderSA.Established {
            let opened: OpenedMessage
            let identity: IDPayload
            do throws(DecodeError) {
                opened = try IKEv1.open(arrival.header, arrival.body, with: phase.cipher, iv: phase.iv)
                let identityBody = try opened.chain.only(.identification)
                identity = try IDPayload(identityBody)
                let expected = phase.keys.hashR(
                    initiatorPublic: phase.initiatorPublic,
                    responderPublic: phase.responderPublic,
                    cookies: phase.cookies,
                    saBody: saBody,
                    identityBody: Array(identityBody)
                )
                guard expected.equalsInConstantTime(try opened.chain.only(.hash)) else {
                    throw .invalidValue(field: "HASH_R", value: 0)
                }
            } catch {
                throw .unreadable
            }
            guard identity.type == origin.identity.type, identity.data == origin.identity.data else {
                throw .refused("it calls itself \(identity) now, before it was \(origin.identity)")
            }
            let granted = [lifetime, IKEv1.lifetimes(in: opened.chain).time].compactMap(\.self).min() ?? lifetime
            let needsKeepalive = phase.nat.isLocalBehindNAT && origin.path.port == .natTraversal
            return ResponderSA.Established(
                keys: SessionKeys(phase.keys, origin.transform, lastBlock: opened.nextIV),
                transform: origin.transform,
                natTraversal: phase.natTraversal,
                nat: phase.nat,
                identity: origin.identity,
                client: origin.client,
                keyIndex: origin.keyIndex,
                since: arrival.now,
                expires: arrival.now.advanced(by: max(granted, IKEv1.shortestLifetime)),
                answerExpires: nil,
                nextKeepalive: needsKeepalive
                    ? arrival.now.advanced(by: surroundings.configuration.keepaliveInterval) : nil,
                liveness: Liveness(isAnswering: phase.isAnsweringProbes, at: arrival.now, surroundings),
                entropy: surroundings.entropy
            )
        }

        private func header(_ cookies: CookiePair) -> ISAKMPHeader {
            ISAKMPHeader(
                initiatorCookie: cookies.initiator,
                responderCookie: cookies.responder,
                exchange: .identityProtection
            )
        }
    }
}

extension IKEv1.SAPayload {
    /// One transform for phase 1 with a pre-shared key.
    ///
    /// - SeeAlso: RFC 2409 Appendix A
    init(offering transform: IKETransform, lifetime: Duration) {
        typealias Number = IKEv1.IKEAttribute
        var attributes: [IKEv1.Attribute] = []
        switch transform.cipher {
        case .aesCBC(let keyBits):
            attributes = [.init(Number.encryption, 7), .init(Number.keyLength, UInt16(clamping: keyBits))]
        case .tripleDESCBC:
            attributes = [.init(Number.encryption, 5)]
        }
        attributes += [
            .init(Number.hash, IKEv1.number(of: transform.hash)),
            .init(Number.group, transform.group.rawValue),
            .init(Number.authentication, UInt16(IKEv1.preSharedKey)),
            .init(Number.lifeType, UInt16(IKEv1.lifeSeconds)),
            .init(
                type: Number.lifeDuration,
                value: .variable(UInt32(clamping: lifetime.components.seconds).bytes)
            ),
        ]
        self.init(
            proposals: [
                IKEv1.Proposal(
                    number: 1,
                    protocolID: .isakmp,
                    spi: [],
                    transforms: [IKEv1.Transform(number: 1, id: IKEv1.keyIKE, attributes: attributes)]
                )
            ]
        )
    }
}
