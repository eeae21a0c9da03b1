"""The directory: Microsoft Entra ID, read through Microsoft Graph."""
