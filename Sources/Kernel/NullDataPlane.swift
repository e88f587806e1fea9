// SPDX-License-Identifier: Apache-2.0
package import DataPlane
package import Primitives

/// A data plane that says yes to everything and does nothing: for dry runs and for measuring the protocols alone.
/// It has no descriptors; what is sent or written vanishes.
package final class NullDataPlane: DataPlane {
    private var notices: [DataPlaneNotice] = []
    /// What each has carried.
    private var sessions: [KernelSessionID: TrafficCounters] = [:]
    private var associations: Set<SecurityAssociation.ID> = []
    private var lastIndex = 0
    private static let nothing = TrafficCounters(receivedPackets: 0, receivedBytes: 0, sentPackets: 0, sentBytes: 0)

    package init() {}

    package func submit(_ request: DataPlaneRequest, ticket: DataPlaneTicket) {
        notices.append(.answered(ticket, outcome(of: request)))
    }

    private func outcome(of request: DataPlaneRequest) -> DataPlaneOutcome {
        switch request {
        case .createSession(let session):
            lastIndex += 1
            sessions[session.id] = Self.nothing
            return .created(interfaceName: "null\(lastIndex)", interfaceIndex: lastIndex)
        case .removeSession(let id):
            sessions[id] = nil
            return .done
        case .readCounters:
            // All of them: that costs nothing, where taking out ten thousand would hold the loop up.
            return .counters(sessions)
        case .takeInventory:
            return .inventory(KernelInventory(associations: associations, sessions: Set(sessions.keys)))
        case .install(let association):
            associations.insert(association.id)
            return .done
        case .remove(let id):
            associations.remove(id)
            return .done
        case .move(let id, let direction, let peer):
            if direction == .outbound, associations.remove(id) != nil {
                associations.insert(SecurityAssociation.ID(destination: peer.address, spi: id.spi))
            }
            return .done
        case .readPathMTU:
            return .pathMTU(1500)
        case .openSocket, .connectSocket, .closeSocket, .bringUp, .setMTU, .probePath, .addGatewayAddress,
            .removeGatewayAddress:
            return .done
        }
    }

    package func flush() -> [DataPlaneNotice] {
        defer { notices.removeAll(keepingCapacity: true) }
        return notices
    }

    package func read(_ source: ReadableSource) -> [DataPlaneNotice] { [] }
    package func send(_ datagram: [UInt8], on socket: RequestID, to peer: SocketAddress) {}
    package func write(_ frame: [UInt8], to session: KernelSessionID) {}
    package func takeWatchChanges() -> [WatchChange] { [] }

    package func counters(of session: KernelSessionID) -> TrafficCounters? {
        sessions[session]
    }

    package func shutDown() {
        notices.removeAll()
        sessions.removeAll()
    }
}
