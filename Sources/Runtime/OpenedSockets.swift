// SPDX-License-Identifier: Apache-2.0
internal import ConfigFile
internal import Primitives

/// The sockets the daemon is found by, opened before it lets go of what it needed for that. If nobody
/// comes to serve the control socket, its file goes away with the value.
package final class OpenedSockets {
    let ike: IKESockets
    private var control: OwnedDescriptor?
    private let metrics: MetricsSettings
    private var metricsSocket: OwnedDescriptor?
    private let controlFile: ControlSocketFile
    private var readOnly: OwnedDescriptor?
    private let readOnlyFile: ControlSocketFile?
    /// Keeps what is only held open.
    private let inherited: InheritedSockets

    init(
        listen: IKESockets.Listen,
        control settings: ControlSocketSettings,
        metrics: MetricsSettings = MetricsSettings(),
        owner: ProcessUser?,
        inherited: InheritedSockets = InheritedSockets()
    ) throws(StartProblem) {
        do {
            ike = try IKESockets(listen, inherited: inherited)
        } catch {
            throw StartProblem(error)
        }
        self.metrics = metrics
        self.inherited = inherited
        metricsSocket = metrics.listen.flatMap { inherited.takeStreamSocket(at: $0)?.release() }
            .map { OwnedDescriptor(adopting: $0) }
        let ofAdministrators = inherited.takeUnixSocket(at: settings.path)?.release()
        let ofReaders = settings.readOnlyPath.flatMap { inherited.takeUnixSocket(at: $0)?.release() }
        // Before anything of ours is bound: the port that it finds taken may be the very one that was passed in vain.
        try inherited.finish()
        if metricsSocket == nil, let local = metrics.listen { metricsSocket = try MetricsServer.listen(local) }
        if let ofAdministrators {
            control = OwnedDescriptor(adopting: ofAdministrators)
            controlFile = .ofTheServiceManager(settings.path)
        } else {
            do {
                let opened = try ControlSocketFile.open(
                    path: settings.path,
                    mode: settings.mode,
                    group: settings.group,
                    owner: owner
                )
                control = OwnedDescriptor(adopting: opened.descriptor)
                controlFile = opened.file
            } catch {
                throw StartProblem(error, path: settings.path, setting: "control.socket")
            }
        }
        guard let path = settings.readOnlyPath else {
            readOnlyFile = nil
            return
        }
        if let ofReaders {
            readOnly = OwnedDescriptor(adopting: ofReaders)
            readOnlyFile = .ofTheServiceManager(path)
            return
        }
        do {
            let opened = try ControlSocketFile.open(
                path: path,
                mode: settings.readOnlyMode,
                group: settings.readOnlyGroup ?? settings.group,
                owner: owner
            )
            readOnly = OwnedDescriptor(adopting: opened.descriptor)
            readOnlyFile = opened.file
        } catch {
            controlFile.remove()
            throw StartProblem(error, path: path, setting: "control.read-only-socket")
        }
    }

    deinit {
        if control != nil { controlFile.remove() }
        if readOnly != nil { readOnlyFile?.remove() }
    }

    /// Serves the control sockets from now on. To be called once.
    func serveControl(
        _ mailbox: Mailbox<ShardMessage>,
        feed: EventFeed,
        limits: ControlSocket.Limits
    ) throws -> ControlSocket {
        guard let descriptor = control.take() else { throw StartProblem("the sockets are served", remedy: nil) }
        return try ControlSocket(
            administrative: ControlListener(descriptor: descriptor, file: controlFile, access: .administration),
            readOnly: takeReadOnly(),
            mailbox: mailbox,
            feed: feed,
            limits: limits
        )
    }

    private func takeReadOnly() -> ControlListener? {
        guard let file = readOnlyFile, let descriptor = readOnly.take() else { return nil }
        return ControlListener(descriptor: descriptor, file: file, access: .reading)
    }

    /// Serves metrics from now on; `nil` if nobody wants them.
    func serveMetrics(_ mailbox: Mailbox<ShardMessage>) throws -> MetricsServer? {
        guard let descriptor = metricsSocket.take()?.release(), let local = metrics.listen else { return nil }
        return try MetricsServer(
            descriptor: descriptor,
            mailbox: mailbox,
            serving: MetricsServer.Offer(hasPage: metrics.page, isLoopback: local.address.isLoopback)
        )
    }
}
