// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import Primitives

extension IKEv1 {
    /// What a pair of ESP security associations was agreed on for: enough to ask for the next one.
    ///
    /// Every child keeps its terms for as long as it lives, so what they were on the wire stays as it was there.
    struct Terms: Hashable, Sendable {
        private var saBody: [UInt8]
        /// The peer's, then ours; without any it is empty.
        private let identityBodies: [UInt8]
        private let peerIdentityLength: Int
        /// Of quick mode's own key exchange.
        let group: DiffieHellmanGroup?
        let isEncapsulated: Bool
        /// HMAC-SHA2-256 of this child and those after it; no proposal says it.
        let truncatesSHA256To96: Bool
        let peerTrafficPort: UInt16?
        var lifetime: Duration
        var lifetimeKilobytes: UInt64?

        /// - Parameters:
        ///   - proposal: As chosen, with the SPI of whoever wrote it.
        ///   - identities: The peer's, then ours, as they were on the wire; both or none.
        init(
            proposal: Proposal,
            group: DiffieHellmanGroup?,
            identities: [Payload],
            isEncapsulated: Bool,
            truncatesSHA256To96: Bool,
            peerTrafficPort: UInt16?,
            lifetime: Duration,
            lifetimeKilobytes: UInt64?
        ) {
            saBody = Array(Payload(.securityAssociation, SAPayload(proposals: [proposal])).body)
            identityBodies = identities.flatMap { Array($0.body) }
            peerIdentityLength = identities.first?.body.count ?? 0
            self.group = group
            self.isEncapsulated = isEncapsulated
            self.truncatesSHA256To96 = truncatesSHA256To96
            self.peerTrafficPort = peerTrafficPort
            self.lifetime = lifetime
            self.lifetimeKilobytes = lifetimeKilobytes
        }

        /// One proposal, or what we ask for next.
        var offer: SAPayload {
            get { (try? SAPayload(saBody[...])) ?? SAPayload(proposals: []) }
            set { saBody = Array(Payload(.securityAssociation, newValue).body) }
        }

        var identities: [Payload] {
            guard !identityBodies.isEmpty else { return [] }
            return [identityBodies.prefix(peerIdentityLength), identityBodies.dropFirst(peerIdentityLength)]
                .map { Payload(.identification, Array($0)) }
        }

        /// All traffic of the other terms goes under these too.
        func cover(_ other: Terms) -> Bool {
            peerTrafficPort == nil || peerTrafficPort == other.peerTrafficPort
        }
    }

    /// A pair of ESP security associations that stands.
    struct Child: Hashable, Sendable {
        var inboundSPI: ESPSPI
        var outboundSPI: ESPSPI
        var transform: ESPTransform
        var terms: Terms
        /// We asked for it.
        var isOurs: Bool
        /// When its quick mode began, and when the keys were there.
        var asked: MonotonicTime
        var since: MonotonicTime
        /// The lower one of its two nonces: decides which of two children made at once goes.
        var lowerNonce: [UInt8]
        /// The hard end.
        var expires: MonotonicTime
        var replacement: Replacement
        /// It has been replaced or given up, and goes when nothing can be on its way any more.
        var departure: Departure?

        struct Departure: Hashable, Sendable {
            var at: MonotonicTime
            /// It is for us to tell the peer.
            var isAnnounced: Bool
        }

        /// How long what was sent under a replaced child may be on its way.
        static let grace: Duration = .seconds(5)

        init(
            inboundSPI: ESPSPI,
            outboundSPI: ESPSPI,
            transform: ESPTransform,
            terms: Terms,
            isOurs: Bool,
            asked: MonotonicTime,
            since: MonotonicTime,
            lowerNonce: [UInt8],
            entropy: any EntropySource
        ) {
            self.inboundSPI = inboundSPI
            self.outboundSPI = outboundSPI
            self.transform = transform
            self.terms = terms
            self.isOurs = isOurs
            self.asked = asked
            self.since = since
            self.lowerNonce = lowerNonce
            expires = since.advanced(by: terms.lifetime)
            let margin = IKEv1.rekeyMargin(of: terms.lifetime, entropy)
            replacement = Replacement(from: since.advanced(by: terms.lifetime - margin))
        }

        var deadline: MonotonicTime {
            if let departure { return min(expires, departure.at) }
            return replacement.next.map { min(expires, $0) } ?? expires
        }

        /// Of its own key exchange too.
        var legacyAlgorithms: Set<LegacyAlgorithm> {
            transform.legacyAlgorithms.union(terms.group?.legacyAlgorithms ?? [])
        }

        /// The two quick modes ran at the same time.
        func wasMade(with other: Child) -> Bool { asked < other.since && other.asked < since }
    }

    /// How long before the end we replace what the peer should have replaced: 3 to 6 % of the lifetime, so that
    /// whoever has a margin of its own comes first, and not everybody comes at once.
    static func rekeyMargin(of lifetime: Duration, _ entropy: any EntropySource) -> Duration {
        let share = Int(entropy.integer(in: UInt32(30)...60))
        return max(lifetime * share / 1000, min(.seconds(1), lifetime / 3))
    }

    /// Nothing lives shorter here, whatever was asked for.
    static let shortestLifetime: Duration = .seconds(5)
    static let fewestKilobytes: UInt64 = 1024
    /// As many kilobytes cannot be counted in bytes: they are no limit.
    static let countlessKilobytes: UInt64 = 1 << 54

    static func lifetime(_ asked: Duration, atMost longest: Duration) -> Duration {
        max(shortestLifetime, min(asked, longest))
    }

    static func kilobytes(_ asked: UInt64?, atMost longest: UInt64?) -> UInt64? {
        let counted = asked.flatMap { $0 < countlessKilobytes ? $0 : nil }
        let limit = [counted, longest].compactMap { $0 }.min()
        return limit.map { max(fewestKilobytes, $0) }
    }

    static func lowerNonce(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] {
        // Two random numbers that agree in 32 bytes are one.
        Array((a.lexicographicallyPrecedes(b) ? a : b).prefix(32))
    }
}
