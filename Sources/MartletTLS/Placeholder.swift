enum MartletTLSPlaceholder {}
