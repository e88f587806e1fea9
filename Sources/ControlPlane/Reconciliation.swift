// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import L2TP
internal import Primitives

/// Notices of the kernel were lost: it is asked for everything it holds, once at a time.
struct Reconciliation: Sendable {
    /// What can be compared with the answer: only what was settled before the question.
    struct Question: Sendable {
        var associations: [SecurityAssociation.ID: ChildSA.ID]
        /// With their serial numbers.
        var sessions: [SessionKey: UInt64]
        /// What was being removed, or has been since.
        var leavingAssociations: Set<SecurityAssociation.ID> = []
        var leavingSessions: Set<KernelSessionID> = []
    }

    private(set) var question: Question?
    /// More notices were lost after the question.
    private var isOutdated = false
    private var failures = 0
    /// When a refused question is asked again.
    private(set) var deadline: MonotonicTime?

    private static let mostFailures = 5

    /// - Returns: Whether to ask now; otherwise the answer is waited for first.
    mutating func isToAsk() -> Bool {
        guard question == nil else {
            isOutdated = true
            return false
        }
        return true
    }

    mutating func ask(_ question: Question) {
        self.question = question
        isOutdated = false
        deadline = nil
    }

    /// Sees every request to the kernel, for what leaves while a question is open.
    mutating func note(_ request: DataPlaneRequest) {
        guard question != nil else { return }
        switch request {
        case .remove(let id), .move(let id, .outbound, _): question?.leavingAssociations.insert(id)
        case .removeSession(let id): question?.leavingSessions.insert(id)
        case .openSocket, .connectSocket, .closeSocket, .install, .move, .createSession, .bringUp, .setMTU,
            .readPathMTU, .probePath, .readCounters, .takeInventory,
            .addGatewayAddress, .removeGatewayAddress:
            break
        }
    }

    /// - Returns: What was asked, and whether to ask again at once.
    mutating func answered() -> (question: Question, isOutdated: Bool)? {
        guard let question else { return nil }
        self.question = nil
        failures = 0
        return (question, isOutdated)
    }

    /// The kernel did not say.
    mutating func failed(at now: MonotonicTime) {
        question = nil
        failures += 1
        guard failures < Self.mostFailures else {
            failures = 0
            return
        }
        deadline = now.advanced(by: .seconds(1))
    }
}
