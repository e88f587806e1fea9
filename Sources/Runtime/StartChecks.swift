// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Kernel
package import Primitives

/// What can be found out about the machine before anything is changed.
package enum StartChecks {
    /// Every socket that cannot be had, not only the first.
    ///
    /// - Parameter inherited: Those we have already.
    package static func ports(_ listen: IKESockets.Listen, inherited: Set<SocketAddress> = []) -> [StartProblem] {
        listen.sockets.compactMap { port, local -> StartProblem? in
            guard !inherited.contains(local) else { return nil }
            do throws(SystemError) {
                _ = try UDPSocket(bindingTo: local, isEncapsulating: port == .natTraversal && listen.takesESP)
                return nil
            } catch {
                return StartProblem(IKESockets.BindError(local: local, error: error))
            }
        }
    }

    /// Four descriptors a call: tunnel socket, session socket, channel, unit.
    package static func fileLimit(_ limit: Int, calls: Int) -> StartProblem? {
        let needed = 4 * calls + 128
        guard limit < needed else { return nil }
        return StartProblem(
            "\(limit) open files are allowed: enough for \(max(0, limit - 128) / 4) calls of \(calls)",
            remedy: "LimitNOFILE=\(needed) in the unit of culvertd, or ulimit -n \(needed)",
            isWarning: true
        )
    }

    /// Whether the device that calls need can still be opened when root is gone: the right to change the network does
    /// not stand above the mode of a file.
    package static func device(as user: ProcessUser) -> StartProblem? {
        let descriptor = culvert_ppp_open()
        guard descriptor < 0 else {
            _ = OwnedDescriptor(adopting: descriptor)
            return nil
        }
        let error = SystemError("open", code: -descriptor)
        return StartProblem(
            "\(user.name) may not open /dev/ppp (\(error.reason)): no call could come up",
            remedy: "a udev rule, KERNEL==\"ppp\", GROUP=\"culvert\", MODE=\"0660\", and --user \(user.name):culvert"
        )
    }

    /// What this kernel lacks; what it only has set otherwise than a gateway wants is a warning.
    package static func kernel() -> [StartProblem] {
        // Who has our ports is known better from trying to bind them.
        var facts = PreflightFacts.gather()
        facts.portHolders = []
        let all = Preflight.problems(in: facts)
        facts.isForwarding = true
        facts.probes.removeAll { $0.part == .segmentSizes }
        facts.reservedPorts.append(RequestID.privatePorts)
        let grave = Set(Preflight.problems(in: facts))
        return all.map { StartProblem($0.what, remedy: $0.command, isWarning: !grave.contains($0)) }
    }
}
