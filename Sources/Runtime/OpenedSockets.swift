// SPDX-License-Identifier: Apache-2.0
internal import ConfigFile
internal import Primitives

/// The sockets the daemon is found by, opened before it lets go of what it needed for that. If nobody
/// comes to serve the control socket, its file goes away with the value.
package final class OpenedSockets {
    let ike: IKESockets
    private var control: OwnedDescriptor?
    private let file: ControlSocketFile
    private let path: String
    /// Keeps what is only held open.
    private let inherited: InheritedSockets

    init(
        listen: IKESockets.Listen,
        control: ControlSocketSettings,
        owner: ProcessUser?,
        inherited: InheritedSockets = InheritedSockets()
    ) throws(StartProblem) {
        do {
            ike = try IKESockets(listen, inherited: inherited)
        } catch {
            throw StartProblem(error)
        }
        path = control.path
        self.inherited = inherited
        if let socket = inherited.takeUnixSocket(named: "control", path: control.path) {
            self.control = consume socket
            file = .ofTheServiceManager(control.path)
            try inherited.finish()
            return
        }
        try inherited.finish()
        do {
            let (descriptor, file) = try ControlSocketFile.open(
                path: control.path,
                mode: control.mode,
                group: control.group,
                owner: owner
            )
            self.control = OwnedDescriptor(adopting: descriptor)
            self.file = file
        } catch {
            throw StartProblem(error, path: control.path)
        }
    }

    deinit {
        if control != nil { file.remove() }
    }

    /// Serves the control socket from now on. To be called once.
    func serveControl(_ mailbox: Mailbox<ShardMessage>, limits: ControlSocket.Limits) throws -> ControlSocket {
        guard let descriptor = control.take()?.release() else { throw StartProblem("\(path) is served", remedy: nil) }
        return try ControlSocket(descriptor: descriptor, file: file, mailbox: mailbox, limits: limits)
    }
}
