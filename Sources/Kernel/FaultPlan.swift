// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import Synchronization

/// Makes chosen steps fail, so that a test sees each half-done thing undone by a real kernel. In the daemon there is
/// none.
///
/// A step that shall fail is not taken: the kernel is not asked, and its refusal is made up.
package final class FaultPlan: Sendable {
    package enum Fault: Hashable, Sendable {
        /// Refused with this errno value.
        case refusal(Int32)
        /// A netlink request the kernel does not take note of: no answer comes.
        case silence
    }

    private struct Rule {
        var step: String
        var fault: Fault
        var pass: Int
        var times: Int
    }

    private let rules = Mutex<[Rule]>([])

    package init() {}

    /// - Parameters:
    ///   - step: As ``DataPlaneError/step`` begins.
    ///   - pass: So many times the step is let through first.
    package func inject(_ fault: Fault, at step: String, pass: Int = 0, times: Int = 1) {
        rules.withLock { $0.append(Rule(step: step, fault: fault, pass: pass, times: times)) }
    }

    /// Forgets what was injected. Returns whether all of it had happened.
    @discardableResult
    package func clear() -> Bool {
        rules.withLock { rules in
            defer { rules.removeAll() }
            return rules.allSatisfy { $0.times == 0 }
        }
    }

    /// What shall happen to a step that is about to be taken.
    func fault(at step: String) -> Fault? {
        rules.withLock { rules in
            guard let index = rules.firstIndex(where: { $0.times > 0 && step.hasPrefix($0.step) }) else { return nil }
            guard rules[index].pass == 0 else {
                rules[index].pass -= 1
                return nil
            }
            rules[index].times -= 1
            return rules[index].fault
        }
    }
}

/// Takes a step of ours: a call that answers with a negative errno value if it fails.
@discardableResult
func attempt(_ step: String, _ faults: FaultPlan?, _ call: () -> Int32) throws(DataPlaneError) -> Int32 {
    if case .refusal(let code)? = faults?.fault(at: step) { throw DataPlaneError(step: step, code: code) }
    let result = call()
    guard result >= 0 else { throw DataPlaneError(step: step, code: -result) }
    return result
}
