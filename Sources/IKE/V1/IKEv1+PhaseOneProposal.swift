// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import Primitives

extension IKEv1 {
    /// The transform we take from a phase 1 offer.
    package struct PhaseOneChoice: Hashable, Sendable {
        package var transform: IKETransform
        /// What the peer asked for; 28,800 s if it did not say (RFC 2409 Appendix A gives no default, RFC 2407
        /// §4.5 gives this one for phase 2).
        package var lifetime: Duration
        /// The answer: the one transform, its attributes as they came.
        package var answer: SAPayload
    }

    /// Compares every transform of every proposal with what the profile accepts, in our order of preference;
    /// between transforms that differ in lifetime alone the peer's first one wins.
    package static func choose(
        from offer: SAPayload,
        _ acceptance: Acceptance
    ) throws(ProposalMismatch) -> PhaseOneChoice {
        var best: (rank: Int, candidate: PhaseOneCandidate, proposal: Proposal, transform: Transform)?
        for proposal in offer.proposals where proposal.protocolID == .isakmp {
            for transform in proposal.transforms {
                let candidate = PhaseOneCandidate(transform)
                guard let algorithms = candidate.acceptable, let rank = acceptance.rank(of: algorithms) else {
                    continue
                }
                if let best, best.rank <= rank { continue }
                best = (rank, candidate, proposal, transform)
            }
        }
        guard let best, let algorithms = best.candidate.acceptable else {
            throw mismatch(of: offer, acceptance)
        }
        var proposal = best.proposal
        proposal.transforms = [best.transform]
        return PhaseOneChoice(
            transform: algorithms,
            lifetime: .seconds(Int64(clamping: min(best.candidate.lifetimeSeconds ?? 28_800, 1 << 31))),
            answer: SAPayload(proposals: [proposal])
        )
    }

    /// Every transform of an offer in the operator's words.
    package static func names(of offer: SAPayload, _ phase: Event.Phase) -> [String] {
        offer.proposals.flatMap { proposal in
            proposal.transforms.map { phase == .one ? PhaseOneCandidate($0).name : phaseTwoName(of: $0) }
        }
    }

    private static func mismatch(of offer: SAPayload, _ acceptance: Acceptance) -> ProposalMismatch {
        var review = ProposalMismatch.Review()
        for proposal in offer.proposals {
            for transform in proposal.transforms {
                let candidate = PhaseOneCandidate(transform)
                var objections = candidate.objections(acceptance)
                if proposal.protocolID != .isakmp { objections.append(.protocolID(proposal.protocolID)) }
                review.add(candidate.name, objections)
            }
        }
        return review.mismatch(accepted: acceptance.acceptedIKE.map(\.description), acceptance.client)
    }

    /// The attributes of a phase 1 transform, understood or not.
    private struct PhaseOneCandidate {
        var id: UInt8
        var encryption: UInt64?
        var keyLength: UInt64?
        var hash: UInt64?
        var authentication: UInt64?
        var group: UInt64?
        var lifetimeSeconds: UInt64?
        /// The type of an attribute that we do not know, or that comes twice or without a number.
        var stranger: UInt16?

        init(_ transform: Transform) {
            id = transform.id
            var lifeType = IKEv1.lifeSeconds
            for attribute in transform.attributes {
                guard let number = attribute.number else {
                    stranger = attribute.type
                    continue
                }
                switch attribute.type {
                case IKEAttribute.encryption where encryption == nil: encryption = number
                case IKEAttribute.hash where hash == nil: hash = number
                case IKEAttribute.authentication where authentication == nil: authentication = number
                case IKEAttribute.group where group == nil: group = number
                case IKEAttribute.keyLength where keyLength == nil: keyLength = number
                case IKEAttribute.lifeType: lifeType = number
                case IKEAttribute.lifeDuration:
                    if lifeType == IKEv1.lifeSeconds, number > 0 { lifetimeSeconds = number }
                default: stranger = attribute.type
                }
            }
        }

        var algorithms: IKETransform? {
            guard let cipher = IKEv1.ikeCipher(encryption, keyLength: keyLength), let hash = IKEv1.hash(hash),
                let group = group.flatMap({ UInt16(exactly: $0) }).flatMap(DiffieHellmanGroup.init(rawValue:))
            else { return nil }
            return IKETransform(cipher: cipher, hash: hash, group: group)
        }

        /// The algorithms, if everything but the profile's lists is right.
        var acceptable: IKETransform? {
            id == IKEv1.keyIKE && stranger == nil && authentication == IKEv1.preSharedKey ? algorithms : nil
        }

        var name: String {
            let cipher = encryption.map { IKEv1.ikeCipherName($0, keyLength: keyLength) } ?? "no-cipher"
            let hash = hash.map(IKEv1.hashName) ?? "no-hash"
            let group = group.map(IKEv1.groupName) ?? "no-group"
            let plain = "\(cipher)-\(hash)-\(group)"
            return authentication == IKEv1.preSharedKey
                ? plain : "\(plain) (\(IKEv1.authenticationName(authentication)))"
        }

        func objections(_ acceptance: Acceptance) -> [Objection] {
            var objections: [Objection] = []
            if id != IKEv1.keyIKE { objections.append(.unknown("transform id \(id)")) }
            if let stranger { objections.append(.unknown("attribute \(stranger)")) }
            if authentication != IKEv1.preSharedKey { objections.append(.authenticationMethod(authentication)) }
            if let algorithms {
                let legacy = acceptance.missing(of: algorithms.legacyAlgorithms)
                objections += legacy.map { .needsLegacy($0) }
                if legacy.isEmpty, acceptance.rank(of: algorithms) == nil {
                    objections.append(.notListed(nearest: acceptance.nearest(to: algorithms)?.description))
                }
            } else {
                if IKEv1.ikeCipher(encryption, keyLength: keyLength) == nil {
                    objections.append(
                        .unknown(encryption.map { IKEv1.ikeCipherName($0, keyLength: keyLength) } ?? "no cipher")
                    )
                }
                if IKEv1.hash(hash) == nil { objections.append(.unknown(hash.map(IKEv1.hashName) ?? "no hash")) }
                let known = group.flatMap { UInt16(exactly: $0) }.flatMap(DiffieHellmanGroup.init(rawValue:))
                if known == nil { objections.append(.unknown(group.map(IKEv1.groupName) ?? "no group")) }
            }
            return objections
        }
    }
}

extension Acceptance {
    /// Among what is accepted the transform with most in common.
    fileprivate func nearest(to transform: IKETransform) -> IKETransform? {
        func inCommon(_ other: IKETransform) -> Int {
            (other.cipher == transform.cipher ? 1 : 0) + (other.hash == transform.hash ? 1 : 0)
                + (other.group == transform.group ? 1 : 0)
        }
        let best = acceptedIKE.map(inCommon).max()
        return acceptedIKE.first { inCommon($0) == best }
    }
}
