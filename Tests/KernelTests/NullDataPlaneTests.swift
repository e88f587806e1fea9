// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Primitives
import Testing

struct NullDataPlaneTests {
    private let session = L2TPSession(
        id: KernelSessionID(tunnel: 1, session: 2),
        peerID: KernelSessionID(tunnel: 3, session: 4),
        socket: RequestID(serial: 1, port: 20_000),
        usesSequenceNumbers: false,
        mtu: 1400
    )

    @Test func everythingIsAnsweredAtOnceAndInOrder() throws {
        let plane = NullDataPlane()
        let id = SecurityAssociation.ID(destination: .v4(1), spi: try #require(ESPSPI(rawValue: 300)))
        let requests: [DataPlaneRequest] = [
            .openSocket(TunnelSocket(requestID: session.socket, localAddress: .v4(1))),
            .connectSocket(session.socket, to: SocketAddress(.v4(2), port: 1701)),
            .createSession(session), .remove(id), .removeSession(session.id), .closeSocket(session.socket),
        ]
        for (index, request) in requests.enumerated() {
            plane.submit(request, ticket: DataPlaneTicket(rawValue: UInt64(index)))
        }
        let answers = plane.flush()
        let expected = requests.indices.map { index -> DataPlaneNotice in
            let outcome: DataPlaneOutcome =
                index == 2 ? .created(interfaceName: "null1", interfaceIndex: 1) : .done
            return .answered(DataPlaneTicket(rawValue: UInt64(index)), outcome)
        }
        #expect(answers == expected)
        #expect(plane.flush().isEmpty)
        #expect(plane.takeWatchChanges().isEmpty)
    }

    @Test func whatIsThereIsInTheInventoryAndAMovedAssociationHasItsNewDestination() throws {
        let plane = NullDataPlane()
        let spi = try #require(ESPSPI(rawValue: 300))
        let association = SecurityAssociation(
            direction: .outbound,
            source: .v4(1),
            destination: .v4(2),
            spi: spi,
            requestID: session.socket,
            transform: ESPTransform(cipher: .aesGCM16(keyBits: 128), integrity: nil),
            encryptionKey: SecretBytes(copying: [UInt8](repeating: 1, count: 20)),
            integrityKey: nil,
            encapsulation: nil
        )
        let requests: [DataPlaneRequest] = [
            .install(association), .move(association.id, .outbound, to: SocketAddress(.v4(3), port: 4500)),
            .createSession(session), .takeInventory,
        ]
        for (index, request) in requests.enumerated() {
            plane.submit(request, ticket: DataPlaneTicket(rawValue: UInt64(index)))
        }
        let inventory = KernelInventory(
            associations: [SecurityAssociation.ID(destination: .v4(3), spi: spi)],
            sessions: [session.id]
        )
        #expect(plane.flush().last == .answered(DataPlaneTicket(rawValue: 3), .inventory(inventory)))
    }

    @Test func onlySessionsThatExistHaveCounters() {
        let plane = NullDataPlane()
        #expect(plane.counters(of: session.id) == nil)
        plane.submit(.createSession(session), ticket: DataPlaneTicket(rawValue: 1))
        #expect(plane.counters(of: session.id)?.receivedBytes == 0)
        plane.submit(.removeSession(session.id), ticket: DataPlaneTicket(rawValue: 2))
        #expect(plane.counters(of: session.id) == nil)
    }
}
