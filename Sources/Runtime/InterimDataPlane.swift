// SPDX-License-Identifier: Apache-2.0
package import DataPlane
package import Primitives

/// Says yes to everything, until the `Kernel` target brings its own.
package final class InterimDataPlane: DataPlane {
    private var answers: [DataPlaneNotice] = []

    package init() {}

    package func submit(_ request: DataPlaneRequest, ticket: DataPlaneTicket) {
        answers.append(.answered(ticket, .done))
    }

    package func flush() -> [DataPlaneNotice] {
        defer { answers = [] }
        return answers
    }

    package func read(_ source: ReadableSource) -> [DataPlaneNotice] { [] }
    package func send(_ datagram: [UInt8], on socket: RequestID, to peer: SocketAddress) {}
    package func write(_ frame: [UInt8], to session: KernelSessionID) {}
    package func takeWatchChanges() -> [WatchChange] { [] }
    package func counters(of session: KernelSessionID) -> TrafficCounters? { nil }
    package func shutDown() {}
}
