// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// An incoming call, from the ICRQ that we accepted on.
///
/// - SeeAlso: RFC 2661 §7.4.2
package struct Session: Sendable {
    package enum State: Hashable, Sendable {
        case waitConnect
        case established(usesSequenceNumbers: Bool)
        case closed
    }

    package enum Effect: Hashable, Sendable {
        case established
        /// The peer is to be told with a CDN.
        case disconnect(SessionEnd)
        /// The peer knows.
        case ended(SessionEnd)
        case report(CallErrors)
        /// Nothing was done.
        case unexpected
    }

    /// Ours.
    package let id: SessionID
    package let peerID: SessionID
    package let callSerialNumber: UInt32
    package let callingNumber: String?
    package private(set) var state = State.waitConnect
    /// Of the next data message that we send.
    private var nextNs = SequenceNumber(0)

    package init(id: SessionID, accepting call: IncomingCall) {
        self.id = id
        peerID = call.assigned
        callSerialNumber = call.callSerialNumber
        callingNumber = call.callingNumber
    }

    package var isEstablished: Bool {
        switch state {
        case .established: true
        case .waitConnect, .closed: false
        }
    }

    package var usesSequenceNumbers: Bool {
        switch state {
        case .established(let usesSequenceNumbers): usesSequenceNumbers
        case .waitConnect, .closed: false
        }
    }

    /// Takes a message that concerns this session.
    package mutating func receive(_ message: ControlMessage) -> [Effect] {
        let (next, effects) = transition(on: message)
        state = next
        return effects
    }

    private func transition(on message: ControlMessage) -> (State, [Effect]) {
        switch (state, message) {
        case (.waitConnect, .iccn(let call)):
            (.established(usesSequenceNumbers: call.requiresSequencing), [.established])

        case (.established, .iccn),
            (.waitConnect, .icrq), (.established, .icrq),
            (.waitConnect, .icrp), (.established, .icrp),
            (.waitConnect, .ocrq), (.established, .ocrq),
            (.waitConnect, .ocrp), (.established, .ocrp),
            (.waitConnect, .occn), (.established, .occn):
            (.closed, [.disconnect(.protocolError("\(message.type) in state \(state.name)"))])

        case (.waitConnect, .cdn(_, let result)), (.established, .cdn(_, let result)):
            (
                .closed,
                [.ended(.byPeer(result: result.result, error: result.error?.rawValue, message: result.message))]
            )

        case (.waitConnect, .wen(let errors)), (.established, .wen(let errors)):
            (state, [.report(errors)])

        // SLI goes from LNS to LAC. The others never get here: they concern the control connection.
        case (.waitConnect, .sli), (.established, .sli), (.closed, _),
            (_, .sccrq), (_, .sccrp), (_, .scccn), (_, .stopCCN), (_, .hello), (_, .unknown):
            (state, [.unexpected])
        }
    }

    /// The header of the next data message to the peer.
    package mutating func dataHeader(peerTunnel: TunnelID) -> DataHeader {
        guard usesSequenceNumbers else { return DataHeader(tunnel: peerTunnel, session: peerID) }
        defer { nextNs = nextNs.next }
        return DataHeader(tunnel: peerTunnel, session: peerID, ns: nextNs)
    }
}

extension Session.State {
    package var name: String {
        switch self {
        case .waitConnect: "waitConnect"
        case .established: "established"
        case .closed: "closed"
        }
    }
}
