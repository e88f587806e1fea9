// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import Primitives

extension IKEv1.ResponderSA {
    package func snapshot(profile: Profile) -> Snapshot {
        var snapshot = Snapshot(
            id: id,
            trace: trace,
            local: path.local,
            peer: path.peer,
            profile: profile.name,
            peerIdentity: nil,
            state: "closed",
            transform: nil,
            isPeerBehindNAT: false,
            isLocalBehindNAT: false,
            established: nil,
            children: children.map {
                Snapshot.Child(inboundSPI: $0.inboundSPI, outboundSPI: $0.outboundSPI, transform: $0.transform)
            }
        )
        switch state {
        case .waitKeyExchange(let phase):
            snapshot.state = "main-mode-1"
            snapshot.client = phase.offer.client
            snapshot.transform = "\(phase.offer.transform)"
        case .waitIdentity(let phase):
            snapshot.state = "main-mode-2"
            snapshot.client = phase.offer.client
            snapshot.transform = "\(phase.transform)"
            snapshot.fill(phase.nat)
        case .waitHash(let phase):
            snapshot.state = "aggressive-mode"
            snapshot.client = phase.client
            snapshot.transform = "\(phase.transform)"
        case .established(let phase):
            snapshot.state = "established"
            snapshot.client = phase.client
            snapshot.keyName = profile.name(ofKey: phase.keyIndex)
            snapshot.peerIdentity = "\(phase.identity)"
            snapshot.transform = "\(phase.transform)"
            snapshot.established = phase.since
            snapshot.fill(phase.nat)
        case .retired(let phase):
            snapshot.state = "retired"
            snapshot.client = phase.client
            snapshot.keyName = profile.name(ofKey: phase.keyIndex)
            snapshot.peerIdentity = "\(phase.identity)"
            snapshot.transform = "\(phase.transform)"
            snapshot.established = phase.since
            snapshot.fill(phase.nat)
        case .deleted(let phase):
            snapshot.state = "deleted"
            snapshot.client = phase.client
            snapshot.keyName = profile.name(ofKey: phase.keyIndex)
            snapshot.peerIdentity = "\(phase.identity)"
            snapshot.transform = "\(phase.transform)"
            snapshot.established = phase.since
            snapshot.fill(phase.nat)
        case .refused:
            snapshot.state = "refused"
        case .closed:
            break
        }
        return snapshot
    }
}

extension Snapshot {
    fileprivate mutating func fill(_ nat: NATFinding) {
        isPeerBehindNAT = nat.isPeerBehindNAT
        isLocalBehindNAT = nat.isLocalBehindNAT
    }
}
