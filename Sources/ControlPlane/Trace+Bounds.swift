// SPDX-License-Identifier: Apache-2.0
internal import IKE
internal import L2TP
internal import PPP

/// What keeps an event from holding more than a line has room for: peers choose how long their lists and texts are.
extension ControlPlane.Event {
    /// Of one list.
    static let mostNames = 24
    private static let mostAttributes = 12
    private static let longestText = 128
    private static let longestValue = 8

    /// Of proposals.
    var nameCount: Int {
        guard case .ike(let event) = self else { return 0 }
        return switch event.kind {
        case .proposalChosen(_, let offered, _): offered.proposals.reduce(0) { $0 + $1.transforms.count }
        case .noProposalChosen(_, let mismatch): mismatch.offered.count
        case _: 0
        }
    }

    /// Of another exchange or another port at most.
    func isRepeated(by other: Self) -> Bool {
        switch (self, other) {
        case (.ike(let a), .ike(let b)): a.kind == b.kind
        case (.l2tp(let a), .l2tp(let b)): a.kind == b.kind
        case (.ppp(let a), .ppp(let b)): a.kind == b.kind
        case (.call(let a), .call(let b)): a.kind == b.kind
        case (.ike, _), (.l2tp, _), (.ppp, _), (.call, _): false
        }
    }

    /// - Parameter names: How many are kept of an offer; what was chosen, or came closest, stays.
    func clipped(names: Int) -> Self {
        switch self {
        case .ike(var event):
            switch event.kind {
            case .proposalChosen(let phase, let offered, let chosen):
                event.kind = .proposalChosen(phase, offered: Self.clipped(offered, names), chosen: chosen)
            case .noProposalChosen(let phase, var mismatch):
                mismatch.offered = mismatch.offered.prefix(names).map(Self.clipped)
                event.kind = .noProposalChosen(phase, mismatch)
            case .phase1Established(let profile, let identity, let transform, let nat, let client, let key):
                guard identity.utf8.count > Self.longestText else { return self }
                event.kind = .phase1Established(
                    profile: profile,
                    identity: Self.clipped(identity),
                    transform: transform,
                    nat: nat,
                    client: client,
                    key: key
                )
            case .aggressiveMode(let nested):
                guard case .refused(let identity) = nested, identity.utf8.count > Self.longestText else { return self }
                event.kind = .aggressiveMode(.refused(identity: Self.clipped(identity)))
            case _:
                return self
            }
            return .ike(event)
        case .ppp(var event):
            switch event.kind {
            case .identification(let text): event.kind = .identification(Self.clipped(text))
            case .terminatedByPeer(let text): event.kind = .terminatedByPeer(message: Self.clipped(text))
            case .userRefused(let name, let method, let refusal, let isFinal):
                guard name.utf8.count > Self.longestText else { return self }
                let name = Self.clipped(name)
                event.kind = .userRefused(userName: name, method: method, refusal, isFinal: isFinal)
            case _: return self
            }
            return .ppp(event)
        case .call(var event):
            switch event.kind {
            case .tunnelOpening(let hostName, let vendorName):
                event.kind = .tunnelOpening(
                    hostName: Self.clipped(hostName),
                    vendorName: vendorName.map(Self.clipped)
                )
            case .tunnelEstablished(let tunnel, let hostName):
                event.kind = .tunnelEstablished(tunnel, hostName: Self.clipped(hostName))
            case .authenticationThrottled(let name, let reason, let wait):
                guard name.utf8.count > Self.longestText else { return self }
                event.kind = .authenticationThrottled(userName: Self.clipped(name), reason, retryAfter: wait)
            case _: return self
            }
            return .call(event)
        case .l2tp(var event):
            switch event.kind {
            case .connectionLimitReached(let name, let limit):
                event.kind = .connectionLimitReached(hostName: Self.clipped(name), limit: limit)
            case .tooManyRequests(let name): event.kind = .tooManyRequests(hostName: Self.clipped(name))
            case .noSecret(let name): event.kind = .noSecret(hostName: Self.clipped(name))
            case .authenticationFailed(let tunnel, let name):
                event.kind = .authenticationFailed(tunnel, hostName: Self.clipped(name))
            case _: return self
            }
            return .l2tp(event)
        }
    }

    private static func clipped(_ text: String) -> String {
        text.utf8.count <= longestText ? text : "\(text.prefix(longestText / 4))…"
    }

    /// The offer itself, which others share, if nothing is to be cut.
    private static func clipped(_ offer: IKEv1.SAPayload, _ names: Int) -> IKEv1.SAPayload {
        let count = offer.proposals.reduce(0) { $0 + $1.transforms.count }
        let isLong = offer.proposals.contains { $0.transforms.contains { $0.isLong(mostAttributes, longestValue) } }
        guard count > names || offer.proposals.count > mostNames || isLong else { return offer }
        var left = names
        var clipped = IKEv1.SAPayload(proposals: [])
        for var proposal in offer.proposals.prefix(mostNames) where left > 0 {
            if proposal.transforms.count > left { proposal.transforms.removeLast(proposal.transforms.count - left) }
            left -= proposal.transforms.count
            for place in proposal.transforms.indices
            where proposal.transforms[place].isLong(mostAttributes, longestValue) {
                proposal.transforms[place].clip(mostAttributes, longestValue)
            }
            clipped.proposals.append(proposal)
        }
        return clipped
    }
}

extension IKEv1.Transform {
    /// No client of ours needs so much to name its algorithms.
    fileprivate func isLong(_ mostAttributes: Int, _ longestValue: Int) -> Bool {
        attributes.count > mostAttributes
            || attributes.contains {
                if case .variable(let bytes) = $0.value { bytes.count > longestValue } else { false }
            }
    }

    fileprivate mutating func clip(_ mostAttributes: Int, _ longestValue: Int) {
        attributes = attributes.prefix(mostAttributes).map { attribute in
            var attribute = attribute
            if case .variable(let bytes) = attribute.value {
                attribute.value = .variable(Array(bytes.prefix(longestValue)))
            }
            return attribute
        }
    }
}
