// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import Primitives
import Testing

struct CallEventTests {
    private static let error = DataPlaneError(step: "XFRM_MSG_NEWSA", code: 12)

    private static let kinds: [CallEvent.Kind] = [
        .kernelRefused(error), .gatewayAddressRefused(.v4(0x0A63_0001), error),
        .removalFailed("inbound SA 00000100", error),
        .noAddress(userName: "alice", fixed: nil), .noAddress(userName: "alice", fixed: .v4(1)), .callLimit(7),
        .moveFailed(error), .sessionVanished(KernelSessionID(tunnel: 1, session: 2), interface: "cv0"),
        .reconciled(lostAssociations: 1, lostSessions: 2, strangers: 3),
        .reconciled(lostAssociations: 0, lostSessions: 0, strangers: 0), .inventoryFailed(error),
        .countersUnread(error), .noTunnel(after: .seconds(150)), .mtuRefused(interface: "cv0", 1308, error),
        .authenticationThrottled(userName: "alice", .pair, retryAfter: .seconds(300)),
        .authenticationThrottled(userName: "alice", .source, retryAfter: .seconds(10)),
    ]

    private func describe(_ kind: CallEvent.Kind) -> EventDescription {
        CallEvent(trace: nil, peer: nil, kind: kind).description
    }

    @Test(arguments: kinds)
    func whatIsWrongComesWithARemedy(_ kind: CallEvent.Kind) {
        let description = describe(kind)
        #expect(description.remedy?.isEmpty == false)
        #expect(!description.message.hasSuffix("."))
    }

    @Test func namesTellEventsApart() {
        let names = Self.kinds.map { describe($0).name }
        // Two kinds stand in the list in two forms that count as one.
        #expect(Set(names).count == names.count - 2)
    }

    @Test(arguments: [
        CallEvent.Kind.tunnelOpening(hostName: "laptop", vendorName: "Acme"), .tunnelEstablished(7, hostName: "laptop"),
        .sessionEstablished(KernelSessionID(tunnel: 7, session: 8)),
        .addressAssigned(userName: "alice", .v4(0x0A63_0002), isFixed: true),
        .kernelSessionCreated(KernelSessionID(tunnel: 7, session: 8), interface: "cv0"),
    ])
    func whatIsReachedIsForThoseWhoLookClosely(_ kind: CallEvent.Kind) {
        let description = describe(kind)
        #expect(description.severity == .debug)
        #expect(description.remedy == nil)
        #expect(!description.fields.isEmpty)
    }
}
