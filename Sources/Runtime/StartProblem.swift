// SPDX-License-Identifier: Apache-2.0
package import DataPlane
internal import Glibc
package import Primitives

/// Something that keeps the daemon from starting, or from starting well.
package struct StartProblem: Error, Hashable, Sendable {
    /// What is missing.
    package var message: String
    /// The command that mends it.
    package var remedy: String?
    /// The daemon can do without.
    package var isWarning: Bool
    /// The errno value behind it, if there is one.
    package var code: Int32?

    package init(_ message: String, remedy: String?, isWarning: Bool = false) {
        self.message = message
        self.remedy = remedy
        self.isWarning = isWarning
    }

    /// What is missing and what mends it, in one line.
    package var words: String { remedy.map { "\(message); \($0)" } ?? message }

    package var description: EventDescription {
        EventDescription(.control, isWarning ? .warning : .error, "preflight", message, remedy: remedy)
    }
}

extension StartProblem {
    package init(_ bind: IKESockets.BindError) {
        let local = bind.local
        switch bind.error.code {
        case EADDRINUSE:
            if let owner = PortOwner.find(local) {
                self.init(
                    "UDP port \(local.port) on \(local.address) is taken by \(owner.name) (process \(owner.process))",
                    remedy: owner.stopCommand
                )
            } else {
                self.init(
                    "UDP port \(local.port) on \(local.address) is taken",
                    remedy: "ss -ulnp 'sport = :\(local.port)' as root tells by whom"
                )
            }
        case EACCES, EPERM:
            self.init(
                "no right to bind UDP port \(local.port)",
                remedy: "run culvertd as root or with CAP_NET_BIND_SERVICE and CAP_NET_ADMIN"
            )
        case EADDRNOTAVAIL:
            self.init(
                "\(local.address) is not an address of this machine",
                remedy: "ip address show lists them; change gateway.listen"
            )
        case EAFNOSUPPORT:
            self.init(
                "this kernel has no \(local.address.isV4 ? "IPv4" : "IPv6")",
                remedy: "take \(local.address) out of gateway.listen"
            )
        case ENOPROTOOPT:
            self.init(
                "the kernel does not take ESP in UDP on \(local): \(bind.error)",
                remedy: "modprobe xfrm_user esp4 esp6"
            )
        case _:
            self.init("\(local) cannot be bound: \(bind.error)", remedy: nil)
        }
        code = bind.error.code
    }

    /// The kernel refused something that nothing works without.
    package init(_ error: DataPlaneError) {
        if error.isExists {
            self.init(
                "another culvertd drives this kernel (\(error))",
                remedy: "systemctl stop culvertd, or look with: nft list tables"
            )
        } else {
            self.init("the kernel refused to be set up: \(error)", remedy: nil)
        }
    }

    /// - Parameter setting: Where the path is from.
    package init(_ problem: ControlSocketFile.Problem, path: String, setting: String = "control.socket") {
        switch problem {
        case .answered:
            self.init(
                "another daemon answers on the control socket \(path)",
                remedy: "systemctl stop culvertd, or choose another \(setting)"
            )
        case .notASocket:
            self.init("\(path) exists and is not a socket", remedy: "choose another \(setting), or remove it")
        case .unknownGroup(let name):
            self.init("there is no group \(name) for the control socket", remedy: "groupadd --system \(name)")
        case .failed(let error) where error.call == "chown" && error.code == EPERM:
            self.init(
                "the control socket \(path) cannot be given to its group",
                remedy: "let culvertd be in that group: SupplementaryGroups= in the unit"
            )
        case .failed(let error):
            self.init("the control socket \(path) cannot be made: \(error)", remedy: nil)
        }
    }
}
