// SPDX-License-Identifier: MIT
// The command line of `peer server` and `peer client`.
using System.Net;
using System.Net.Security;
using System.Security.Principal;

namespace Nns.Interop;

internal enum Mode
{
    Echo,   // everything back; half-closes after the peer's end
    Send,   // Bytes of the pattern, then half-closes; reads to the peer's end meanwhile
    Duplex, // the same, but half-closes only after the peer's end
    Digest, // reads to the peer's end, and only then answers "LENGTH SHA256\n"
}

internal sealed class PeerOptions
{
    public int Port { get; private set; }
    public string Target { get; private set; } = "";
    public int Connections { get; private set; } = 1;
    public ProtectionLevel Level { get; private set; } = ProtectionLevel.EncryptAndSign;
    public TokenImpersonationLevel Impersonation { get; private set; } = TokenImpersonationLevel.Identification;
    public Mode Mode { get; private set; } = Mode.Echo;
    public long Bytes { get; private set; }
    public int WriteSize { get; private set; } = 65536;
    public bool NoDelay { get; private set; }
    public Binding? Binding { get; private set; }

    /// <summary>The user of --user DOMAIN\NAME and --password-file, or whoever has a ticket.</summary>
    public NetworkCredential Credential => _user is [var domain, var name]
        ? new NetworkCredential(name, File.ReadLines(_passwordFile).First(), domain)
        : CredentialCache.DefaultNetworkCredentials;

    private string[] _user = [];
    private string _passwordFile = "";

    public static PeerOptions Parse(string[] args)
    {
        var options = new PeerOptions();
        for (int i = 0; i < args.Length; i++)
        {
            string name = args[i];
            if (name == "--nodelay")
            {
                options.NoDelay = true;
                continue;
            }
            if (++i == args.Length)
                throw new ArgumentException($"{name} needs a value");
            options.Set(name, args[i]);
        }
        return options;
    }

    private void Set(string name, string value)
    {
        switch (name)
        {
            case "--port": Port = int.Parse(value); break;
            case "--target": Target = value; break;
            case "--user": _user = value.Split('\\', 2); break;
            case "--password-file": _passwordFile = value; break;
            case "--connections": Connections = int.Parse(value); break;
            case "--level": Level = ParseLevel(value); break;
            case "--impersonation": Impersonation = Enum.Parse<TokenImpersonationLevel>(value, ignoreCase: true); break;
            case "--binding": Binding = new Binding(value); break;
            case "--mode": Mode = Enum.Parse<Mode>(value, ignoreCase: true); break;
            case "--bytes": Bytes = long.Parse(value); break;
            case "--write-size": WriteSize = int.Parse(value); break;
            default: throw new ArgumentException($"unknown option {name}");
        }
    }

    private static ProtectionLevel ParseLevel(string value) => value switch
    {
        "encrypt" => ProtectionLevel.EncryptAndSign,
        "sign" => ProtectionLevel.Sign,
        "none" => ProtectionLevel.None,
        _ => throw new ArgumentException($"--level: unknown level {value}"),
    };
}
