// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import ConfigFile
package import ControlPlane
package import Cryptography
package import DataPlane
package import Primitives

/// Everything put together: built in order, run on the calling thread, taken down in reverse.
package struct Daemon {
    package static let version = "0.1.0"

    package var name: String
    package var listen: IKESockets.Listen
    package var control: ControlSocketSettings
    package var metrics = MetricsSettings()
    package var controlLimits = ControlSocket.Limits()
    package var controlPlane: ControlPlane.Configuration
    /// Takes orders to make faults: for tests, never where calls matter.
    package var allowsImpairments = false
    /// Reads the configuration again; `nil` if it did not come from files.
    package var reloader: Reloader?
    /// The service manager, if there is one.
    package var service = ServiceChannel()

    package init(
        name: String,
        listen: IKESockets.Listen,
        control: ControlSocketSettings,
        controlPlane: ControlPlane.Configuration
    ) {
        self.name = name
        self.listen = listen
        self.control = control
        self.controlPlane = controlPlane
    }

    package init(_ settings: Settings) {
        self.init(
            name: settings.gatewayName,
            listen: IKESockets.Listen(addresses: settings.listen),
            control: settings.controlSocket,
            controlPlane: settings.controlPlane
        )
        metrics = settings.metrics
    }

    /// A daemon that serves: how other threads reach it, and where.
    package struct Running: Sendable {
        package var mailbox: Mailbox<ShardMessage>
        package var sockets: [SocketAddress]
    }

    /// Serves until told to end; then the kernel holds nothing of ours and the socket file is gone.
    ///
    /// - Parameters:
    ///   - opened: What was opened before; `nil` opens it now.
    ///   - signals: Already blocked; `nil` if somebody else minds them.
    ///   - whenReady: Called once, when requests are answered.
    /// - Throws: ``StartProblem`` if it cannot begin, ``SystemError`` if it cannot go on.
    package func serve(
        plane: any DataPlane,
        opened: OpenedSockets? = nil,
        entropy: any EntropySource = SystemEntropy(),
        signals: Signals?,
        sink: EventSink,
        whenReady: (Running) -> Void = { _ in }
    ) throws {
        // Once the shard runs, it takes the plane down itself.
        var isPlaneOurs = true
        defer { if isPlaneOurs { plane.shutDown() } }
        let opened = try opened ?? open()
        let locals = opened.ike.locals
        var sink = sink
        let feed = sink.feed ?? EventFeed()
        sink.feed = feed
        var shard = try Shard(
            machine: ControlPlane(configuration: controlPlane, entropy: entropy),
            interpreter: EffectInterpreter(
                sockets: opened.ike,
                plane: plane,
                sink: sink,
                impairments: allowsImpairments ? Impairments() : nil
            ),
            plane: plane,
            signals: signals,
            identity: .init(name: name, version: Self.version),
            isSampling: metrics.listen != nil,
            reloader: reloader,
            service: service
        )
        let mailbox = shard.mailbox
        let controlSocket = try opened.serveControl(mailbox, feed: feed, limits: controlLimits)
        defer { controlSocket.close() }
        let metricsServer = try opened.serveMetrics(mailbox)
        defer { metricsServer?.close() }
        shard.report(
            EventDescription(
                .control,
                .notice,
                "ready",
                "culvertd \(Self.version) is ready on \(locals.map(\.description).joined(separator: ", "))",
                fields: [.init("gateway", name), .init("control-socket", control.path)]
                    + (control.readOnlyPath.map { [.init("read-only-socket", $0)] } ?? [])
            )
        )
        shard.becomeReady()
        whenReady(Running(mailbox: mailbox, sockets: locals))
        isPlaneOurs = false
        try shard.run()
        shard.report(EventDescription(.control, .notice, "stopped", "every tunnel and every key is gone"))
    }

    /// Opens what needs the privileges of the start: every socket that others find us by.
    ///
    /// - Parameters:
    ///   - owner: Who the daemon will be; `nil` if it stays who it is.
    ///   - inherited: Sockets that are open already.
    package func open(
        owner: ProcessUser? = nil,
        inherited: InheritedSockets = InheritedSockets()
    ) throws(StartProblem) -> OpenedSockets {
        _ = ProcessProbe.shared
        return try OpenedSockets(
            listen: listen,
            control: control,
            metrics: metrics,
            owner: owner,
            inherited: inherited
        )
    }
}
