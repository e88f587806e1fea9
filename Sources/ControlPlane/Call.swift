// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import L2TP
internal import PPP
internal import Primitives

/// One caller: an L2TP session and the PPP link in it.
struct Call: Sendable {
    /// What the kernel has of it.
    enum KernelSession: Hashable, Sendable {
        case absent
        /// Asked for; `wantsInterface` once IPCP has finished before the answer came.
        case creating(wantsInterface: Bool)
        case created(interface: String)
        case up(interface: String)

        var interface: String? {
            switch self {
            case .absent, .creating: nil
            case .created(let interface), .up(let interface): interface
            }
        }

        var isUp: Bool {
            if case .up = self { true } else { false }
        }

        /// The kernel has said that it has the session.
        var isThere: Bool {
            switch self {
            case .absent, .creating: false
            case .created, .up: true
            }
        }
    }

    /// As it was configured when the call began.
    struct Sizing: Hashable, Sendable {
        let mtu: ControlPlane.Configuration.MTU
        let outerMTU: Int

        init(_ configuration: ControlPlane.Configuration) {
            mtu = configuration.mtu
            outerMTU = configuration.outerMTU
        }
    }

    /// Tells this call from an earlier one with the same numbers, in answers that come late.
    let serial: UInt64
    let key: SessionKey
    let association: RequestID
    let trace: TraceID
    /// Address and port of its L2TP.
    var peer: SocketAddress
    let started: MonotonicTime
    var link: PPP.Link
    var kernel = KernelSession.absent
    var userName: String?
    var lease: AddressPools.Lease?
    /// Its user's own address, had or waited for.
    var fixedAddress: IPAddress?
    /// What its MTU is reckoned from for as long as it is up.
    let sizing: Sizing
    var mtu: Int
    var mtuExplanation: String
    /// What its interface has, as far as the kernel has answered.
    var kernelMTU: Int
    /// What the kernel would not have: said once.
    var refusedMTU: Int?
    /// Once its network may open; until then what fits is what is asked for.
    var peerMRU: Int?
    var usesSequenceNumbers: Bool
    /// Why the link ended, once it has.
    var end: LinkEnd?
    /// Why we ended it, if no layer can know that.
    var reason: String?
    /// What the link is told when its time has come.
    var pendingVerdict: AuthenticationVerdict?
    /// At the last reading of the kernel's counters.
    var receivedPackets: UInt64 = 0
}
