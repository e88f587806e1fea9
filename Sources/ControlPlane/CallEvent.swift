// SPDX-License-Identifier: Apache-2.0
package import DataPlane
internal import L2TP
package import Primitives

/// What happened to a call as a whole, or to a request to the kernel.
package struct CallEvent: Hashable, Sendable {
    package var trace: TraceID?
    package var peer: SocketAddress?
    package var kind: Kind

    package enum Kind: Hashable, Sendable {
        case up(userName: String, address: IPAddress, interface: String, mtu: Int, setUp: Duration)
        case down(userName: String?, address: IPAddress?, because: String, after: Duration)
        /// The kernel would not make what the call needs; the call ends.
        case kernelRefused(DataPlaneError)
        /// A reload brought an inner address that the kernel does not take; calls of its pools cannot come up.
        case gatewayAddressRefused(IPAddress, DataPlaneError)
        /// What we made could not be taken away again.
        case removalFailed(String, DataPlaneError)
        case noAddress(userName: String, fixed: IPAddress?)
        case callLimit(Int)
        case securityAssociationExpired(ESPSPI)
        /// The kernel would not let a security association follow its peer; its keys are given up.
        case moveFailed(DataPlaneError)
        /// Somebody else removed it; the call ends.
        case sessionVanished(KernelSessionID, interface: String?)
        /// Notices were lost, and the kernel has said what it holds.
        case reconciled(lostAssociations: Int, lostSessions: Int, strangers: Int)
        case inventoryFailed(DataPlaneError)
        case countersUnread(DataPlaneError)
        /// The peer has keys but no tunnel, and was not heard for so long; its keys are given up.
        case noTunnel(after: Duration)
        /// A try that nobody looked at, for the failures before it.
        case authenticationThrottled(userName: String, AuthenticationThrottle.Reason, retryAfter: Duration)
        // What was reached on the way up, for who wants to know how far a call came.
        /// The first message of L2TP came in under the peer's keys.
        case tunnelOpening(hostName: String, vendorName: String?)
        case tunnelEstablished(UInt16, hostName: String)
        case sessionEstablished(KernelSessionID)
        case addressAssigned(userName: String, IPAddress, isFixed: Bool)
        case kernelSessionCreated(KernelSessionID, interface: String)
        /// Another path or other keys: the interface takes larger or smaller packets from now on.
        case mtuChanged(interface: String, from: Int, to: Int, because: String)
        /// The interface goes on with the one it had.
        case mtuRefused(interface: String, Int, DataPlaneError)
    }

    package init(trace: TraceID?, peer: SocketAddress?, kind: Kind) {
        self.trace = trace
        self.peer = peer
        self.kind = kind
    }

    package var description: EventDescription {
        switch kind {
        case .up(let userName, let address, let interface, let mtu, let setUp):
            return EventDescription(
                .control,
                .notice,
                "call-up",
                "user \(userName) has \(address) on \(interface), MTU \(mtu), \(setUp.wholeMilliseconds) ms after its keys",
                fields: [.init("user", userName), .init("address", address), .init("interface", interface)]
            )
        case .down(let userName, let address, let reason, let duration):
            return EventDescription(
                .control,
                .notice,
                "call-down",
                "\(userName.map { "user \($0)" } ?? "an unknown caller") left after \(duration.wholeMilliseconds / 1000) s: \(reason)",
                fields: [userName.map { .init("user", $0) }, address.map { .init("address", $0) }].compactMap(\.self),
                facts: [.init("reason", reason, .name)].filter { _ in reason.hasPrefix(SessionEnd.peerHungUp) }
            )
        case .kernelRefused(let error):
            return EventDescription(
                .kernel,
                .error,
                "request-refused",
                "the kernel refused \(error); the call ends",
                remedy: "run culvertd in the foreground: its preflight names missing modules and permissions",
                fields: [.init("step", error.step), .init("errno", error.code)]
            )
        case .gatewayAddressRefused(let address, let error):
            return EventDescription(
                .kernel,
                .error,
                "gateway-address-refused",
                "the kernel does not take the gateway address \(address): \(error)",
                remedy: "see with ip address who has it; reload again when it is free",
                fields: [.init("address", address), .init("errno", error.code)]
            )
        case .removalFailed(let what, let error):
            return EventDescription(
                .kernel,
                .warning,
                "removal-refused",
                "\(what) could not be removed: \(error)",
                remedy: "look for it with ip xfrm state and ip link; somebody else may have removed it",
                fields: [.init("step", error.step), .init("errno", error.code)]
            )
        case .noAddress(let userName, let fixed):
            return EventDescription(
                .control,
                .warning,
                "no-address",
                fixed.map { "user \(userName) wants its fixed address \($0), which another call has" }
                    ?? "every address is in use, none is left for user \(userName)",
                remedy: fixed == nil
                    ? "enlarge addresses.pools" : "end that call: culvertctl terminate --address ADDRESS",
                fields: [.init("user", userName)]
            )
        case .callLimit(let limit):
            return EventDescription(
                .control,
                .warning,
                "call-limit",
                "\(limit) calls are up: one more was refused",
                remedy: "raise the limit, or spread callers over several gateways"
            )
        case .securityAssociationExpired(let spi):
            return EventDescription(
                .esp,
                .notice,
                "expired",
                "the kernel gave up security association \(spi) at the end of its lifetime"
            )
        case .moveFailed(let error):
            return EventDescription(
                .kernel,
                .error,
                "move-refused",
                "the kernel would not let a security association follow its peer: \(error); the peer has to dial again",
                remedy: "see the kernel log; a gateway that does this often has a kernel without XFRM migration",
                fields: [.init("step", error.step), .init("errno", error.code)]
            )
        case .sessionVanished(let id, let interface):
            return EventDescription(
                .kernel,
                .warning,
                "session-vanished",
                "session \(id)\(interface.map { " with \($0)" } ?? "") is gone from the kernel; its call ends",
                remedy: "find out who removed it: culvertctl terminate is the way to end a call"
            )
        case .reconciled(let associations, let sessions, let strangers):
            return EventDescription(
                .kernel,
                associations + sessions + strangers == 0 ? .notice : .warning,
                "reconciled",
                "the kernel was asked what it holds: \(associations) security associations and \(sessions) sessions "
                    + "were gone, \(strangers) were nobody's and are removed",
                remedy: "notices were lost: raise net.core.rmem_max if this is frequent"
            )
        case .inventoryFailed(let error):
            return EventDescription(
                .kernel,
                .warning,
                "inventory-refused",
                "the kernel did not say what it holds: \(error)",
                remedy: "compare ip xfrm state and ip l2tp show session with culvertctl sessions",
                fields: [.init("step", error.step), .init("errno", error.code)]
            )
        case .countersUnread(let error):
            return EventDescription(
                .kernel,
                .warning,
                "counters-refused",
                "the kernel did not say what a silent peer's interface has carried: \(error)",
                remedy: "none is needed: the peer is judged by its answers alone",
                fields: [.init("step", error.step), .init("errno", error.code)]
            )
        case .mtuChanged(let interface, let former, let mtu, let arithmetic):
            return EventDescription(
                .control,
                .notice,
                "mtu-changed",
                "\(interface) takes packets of up to \(mtu) bytes, no longer \(former): \(arithmetic)",
                fields: [.init("interface", interface), .init("mtu", mtu)]
            )
        case .mtuRefused(let interface, let mtu, let error):
            return EventDescription(
                .kernel,
                .warning,
                "mtu-refused",
                "the kernel did not give \(interface) the MTU \(mtu): \(error)",
                remedy: "none is needed: larger packets leave in fragments",
                fields: [.init("interface", interface), .init("step", error.step), .init("errno", error.code)]
            )
        case .noTunnel(let silence):
            return EventDescription(
                .control,
                .notice,
                "no-tunnel",
                "the peer has no tunnel and was not heard for \(silence.wholeMilliseconds / 1000) s: it loses its keys",
                remedy: "none is needed if it is gone; else see why its L2TP does not reach us"
            )
        case .tunnelOpening, .tunnelEstablished, .sessionEstablished, .addressAssigned, .kernelSessionCreated:
            return progress
        case .authenticationThrottled(let userName, let reason, let wait):
            let culprit =
                switch reason {
                case .pair: "user \(userName) has failed too often from there"
                case .source: "too many tries from there have failed, this one as user \(userName)"
                }
            return EventDescription(
                .authentication,
                .warning,
                reason == .pair ? "throttled-user" : "throttled-source",
                "\(culprit): nobody looks for another \(wait.wholeMilliseconds / 1000) s",
                remedy: "correct the password stored on the client; list prefixes of many in limits.large-sources",
                fields: [.init("user", userName)]
            )
        }
    }
}

extension CallEvent {
    private var progress: EventDescription {
        switch kind {
        case .tunnelOpening(let hostName, let vendorName):
            EventDescription(
                .l2tp,
                .debug,
                "tunnel-opening",
                "\(hostName)\(vendorName.map { ", which runs \($0)," } ?? "") asks for a tunnel",
                fields: [.init("host-name", hostName)] + (vendorName.map { [.init("vendor", $0)] } ?? [])
            )
        case .tunnelEstablished(let tunnel, let hostName):
            EventDescription(
                .l2tp,
                .debug,
                "tunnel-established",
                "tunnel \(tunnel) with \(hostName) stands",
                fields: [.init("tunnel", tunnel)],
                facts: [.init("host-name", hostName)]
            )
        case .sessionEstablished(let id):
            EventDescription(
                .l2tp,
                .debug,
                "session-established",
                "session \(id) stands",
                fields: [.init("tunnel", id.tunnel), .init("session", id.session)]
            )
        case .addressAssigned(let userName, let address, let isFixed):
            EventDescription(
                .control,
                .debug,
                "address-assigned",
                "user \(userName) gets \(isFixed ? "its own address" : "the address") \(address)",
                fields: [.init("user", userName), .init("address", address)]
            )
        case .kernelSessionCreated(let id, let interface):
            EventDescription(
                .kernel,
                .debug,
                "session-created",
                "the kernel has session \(id) as \(interface)",
                fields: [.init("session", id), .init("interface", interface)]
            )
        case .up, .down, .kernelRefused, .gatewayAddressRefused, .removalFailed, .noAddress, .callLimit,
            .securityAssociationExpired,
            .moveFailed, .sessionVanished, .reconciled, .inventoryFailed, .countersUnread, .noTunnel,
            .authenticationThrottled, .mtuChanged, .mtuRefused:
            description
        }
    }
}

extension Duration {
    var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }
}
