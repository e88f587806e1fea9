// SPDX-License-Identifier: Apache-2.0
package import DataPlane
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
        /// What we made could not be taken away again.
        case removalFailed(String, DataPlaneError)
        case noAddress(userName: String, fixed: IPAddress?)
        case callLimit(Int)
        case securityAssociationExpired(ESPSPI)
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
                fields: [userName.map { .init("user", $0) }, address.map { .init("address", $0) }].compactMap(\.self)
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
                fixed.map { "user \(userName) wants its fixed address \($0), which another call of it has" }
                    ?? "every address is in use, none is left for user \(userName)",
                remedy: fixed == nil
                    ? "enlarge addresses.pools" : "end the other call with culvertctl terminate --user",
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
        }
    }
}

extension Duration {
    var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }
}
